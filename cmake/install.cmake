# What `cmake --install` puts into a prefix: the tool, and beside it what a job under watch loads, the JSON schemas and
# the completion of shells. The tool needs none of that to run.
include(GNUInstallDirs)
function(radixbench_install)
  install(TARGETS radixbench RUNTIME COMPONENT radixbench)
  install(TARGETS radixwatch LIBRARY DESTINATION ${CMAKE_INSTALL_DATADIR}/radixbench COMPONENT radixwatch)
  install(FILES ${PROJECT_SOURCE_DIR}/share/radixbench/radixwatch.py DESTINATION ${CMAKE_INSTALL_DATADIR}/radixbench
    COMPONENT radixbench)
  install(FILES ${PROJECT_SOURCE_DIR}/docs/formats/gate.schema.json ${PROJECT_SOURCE_DIR}/docs/formats/verdict.schema.json
    DESTINATION ${CMAKE_INSTALL_DATADIR}/radixbench/schema COMPONENT radixbench)
  install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR}
    COMPONENT radixbench)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs COMPONENT radixbench)
  set(completions bash share/bash-completion/completions/radixbench
    zsh share/zsh/vendor-completions/_radixbench
    fish share/fish/vendor_completions.d/radixbench.fish)
  install(CODE "
    set(prefix \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
    set(completions ${completions})
    while(completions)
      list(POP_FRONT completions shell file)
      execute_process(COMMAND \"$<TARGET_FILE:radixbench>\" completion \${shell} OUTPUT_VARIABLE script COMMAND_ERROR_IS_FATAL ANY)
      file(WRITE \"\${prefix}/\${file}\" \"\${script}\")
    endwhile()" COMPONENT radixbench)
endfunction()
