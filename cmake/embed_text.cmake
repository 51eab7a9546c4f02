# cmake -DINPUT=file -DOUTPUT=header -DNAME=constant -P embed_text.cmake: the file's text as a constant. No INPUT: an empty one.
set(text "")
if(INPUT)
  file(READ "${INPUT}" text)
endif()
file(WRITE "${OUTPUT}" "#pragma once\n\nnamespace radixbench {\n\nconstexpr char ${NAME}[] = R\"text(${text})text\";\n\n}  // namespace radixbench\n")
