#include "watch/scenario.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::string_view kHead = "scenario s\nlayout sglang:tp=4,cp=2\n";

Scenario parsed(std::string_view text) {
  auto scenario = parse_scenario(text, "file");
  if (!scenario) ADD_FAILURE() << scenario.error().message;
  return scenario ? *std::move(scenario) : Scenario{};
}

std::string error_of(const std::string& body) {
  const auto scenario = parse_scenario(std::string{kHead} + body, "file");
  EXPECT_FALSE(scenario);
  return scenario ? "" : scenario.error().message;
}

TEST(ScenarioTest, HeaderSaysWhatARunAndItsDiagnosisNeed) {
  const Scenario scenario = parsed(R"(
# a comment
scenario F99.example
about what it is about
layout sglang:tp=4,cp=2
deadline 250ms
watchdog 2s
late_after 100ms
transports threads
site load_back axes=attn_cp*attention_tp members=optional key=node outcome=256
expect class=skipped_call culprits=1,2 site=load_back expected_group="attn_cp then attention_tp"
expect_warning class=thread_race
)");
  EXPECT_EQ(scenario.name, "F99.example");
  EXPECT_EQ(scenario.about, "what it is about");
  EXPECT_EQ(scenario.world_size, 4U);
  EXPECT_EQ(scenario.call_deadline, 250ms);
  EXPECT_EQ(scenario.watchdog, 2s);
  EXPECT_EQ(scenario.late_after, 100ms);
  EXPECT_THAT(scenario.transports, ElementsAre("threads"));
  ASSERT_EQ(scenario.contracts.size(), 1U);
  EXPECT_EQ(scenario.contracts[0].outcome, 256);
  ASSERT_EQ(scenario.expectations.size(), 2U);
  EXPECT_EQ(scenario.expectations[0].verdict, VerdictClass::kSkippedCall);
  EXPECT_EQ(scenario.expectations[0].fields.back().second, "attn_cp then attention_tp");
  EXPECT_TRUE(scenario.expectations[1].is_warning);
}

TEST(ScenarioTest, LineSaysWhoDoesWhatAndWhen) {
  const Scenario scenario = parsed(std::string{kHead} + R"(
* create attn_cp 0,2 site=setup timeout=1800s as=7
~ 0,2/prefetch call prefetch.hit_count on=attn_cp all_reduce max i32 key=$i+3 values=8 n=3
!2 decide load_back room outcome=0 key=42 inputs=255,-1
)");
  ASSERT_EQ(scenario.lines.size(), 3U);
  const auto& create = std::get<ScenarioCreate>(scenario.lines[0].event);
  EXPECT_THAT(create.members, ElementsAre(0, 2));
  EXPECT_EQ(create.timeout, 1800s);
  EXPECT_EQ(create.ordinal, 7U);
  EXPECT_THAT(scenario.lines[0].ranks, IsEmpty());

  const ScenarioLine& line = scenario.lines[1];
  EXPECT_EQ(line.when, ScenarioWhen::kWithoutFault);
  EXPECT_EQ(line.thread, "prefetch");
  EXPECT_TRUE(line.is_of(2));
  EXPECT_FALSE(line.is_of(1));
  const auto& call = std::get<ScenarioCall>(line.event);
  EXPECT_EQ(call.kind, CallKind::kAllReduce);
  EXPECT_EQ(call.op, ReduceOp::kMax);
  EXPECT_EQ(call.type, ElementType::kInt32);
  EXPECT_EQ(call.key, (ScenarioNumber{.base = ScenarioNumber::Base::kLoop, .low = 3}));
  EXPECT_EQ(call.values, std::vector(3, ScenarioNumber{.low = 8}));

  EXPECT_EQ(scenario.lines[2].when, ScenarioWhen::kWithFault);
  const auto& decide = std::get<ScenarioDecide>(scenario.lines[2].event);
  EXPECT_EQ(decide.guard, "room");
  EXPECT_EQ(decide.inputs[1].low, -1);
}

TEST(ScenarioTest, ContractOfItsOwnReplacesTheBuiltinOneOfTheSite) {
  const Scenario scenario = parsed(std::string{kHead} + "site writing_check axes=tp\n");
  const Layout layout = *make_layout(scenario.layout);
  const DiagnoseOptions options = diagnose_options(scenario, layout, 1.0);
  EXPECT_EQ(options.contracts.size(), builtin_contracts().size());
  EXPECT_EQ(find_contract(options.contracts, "writing_check")->axes, "tp");
}

TEST(ScenarioTest, BadLineIsNamedWithSourceAndNumber) {
  EXPECT_THAT(error_of("* dance\n"), StartsWith("file:3: 'dance'"));
  EXPECT_THAT(error_of("\n9 tick\n"), StartsWith("file:4: rank 9"));
  EXPECT_THAT(error_of("*\n"), HasSubstr("what the ranks do is missing"));
  EXPECT_THAT(error_of("*/ tick\n"), HasSubstr("thread without a name"));
  EXPECT_THAT(error_of("* tick now\n"), HasSubstr("'now' does not belong here"));
  EXPECT_THAT(error_of("* sleep 3\n"), HasSubstr("'3' is not a time"));
  EXPECT_THAT(error_of("* sleep 5ms..3ms\n"), HasSubstr("is not a time"));
  EXPECT_THAT(error_of("2-1 tick\n"), HasSubstr("list of ranks"));
  EXPECT_THAT(error_of("* decide s g\n"), HasSubstr("outcome= is missing"));
  EXPECT_THAT(error_of("* decide s g outcome=x\n"), HasSubstr("'x' is not a number"));
  EXPECT_THAT(error_of("* decide s g outcome=1 inputs=1,2,3,4,5\n"), HasSubstr("more than 4"));
  EXPECT_THAT(error_of("* create tp 0-4\n"), HasSubstr("rank 4"));
  EXPECT_THAT(error_of("expect class=haunted\n"), HasSubstr("'haunted' is no class"));
  EXPECT_THAT(error_of("expect class=none colour=red\n"), HasSubstr("no field 'colour'"));
  EXPECT_THAT(error_of("expect culprits=1\n"), HasSubstr("class= is missing"));
  EXPECT_THAT(error_of("* mark \"a\n"), HasSubstr("never closed"));
  EXPECT_THAT(error_of("* tick\ndeadline 1s\n"), StartsWith("file:4: 'deadline' stands before"));
}

TEST(ScenarioTest, CallMustFitItsGroupAndKind) {
  const std::string create = "0-2 create tp 0-2\n";
  EXPECT_THAT(error_of(create + "* call s on=tp barrier\n"), HasSubstr("rank 3 never creates"));
  EXPECT_THAT(error_of(create + "0 call s on=tp all_reduce min\n"), HasSubstr("values= or n="));
  EXPECT_THAT(error_of(create + "0 call s on=tp all_reduce times n=1\n"), HasSubstr("'times'"));
  EXPECT_THAT(error_of(create + "0 call s on=tp broadcast n=1\n"), HasSubstr("root= is missing"));
  EXPECT_THAT(error_of(create + "0 call s on=tp send to=0-1 n=1\n"), HasSubstr("one rank"));
  EXPECT_THAT(error_of(create + "0 call s on=tp all_gather n=65\n"), HasSubstr("more than 64"));
  EXPECT_THAT(error_of(create + "0 call s on=tp gossip n=1\n"), HasSubstr("'gossip' is no kind"));
}

TEST(ScenarioTest, BlocksAndMarksMustMatch) {
  EXPECT_THAT(error_of("repeat 3\n* tick\n"), HasSubstr("no 'end'"));
  EXPECT_THAT(error_of("end\n"), HasSubstr("'end' closes"));
  EXPECT_THAT(error_of("repeat\nend\n"), HasSubstr("how often is missing"));
  EXPECT_THAT(error_of("* after you\n"), StartsWith("file:3: nobody marks 'you'"));
}

TEST(ScenarioTest, WithoutNameOrLayoutIsRefused) {
  EXPECT_FALSE(parse_scenario("layout sglang:tp=2\n", "file"));
  EXPECT_FALSE(parse_scenario("scenario s\n", "file"));
  const auto unsound = parse_scenario("scenario s\nlayout sglang:tp=4,cp=3\n", "file");
  ASSERT_FALSE(unsound);
  EXPECT_THAT(unsound.error().message, StartsWith("file:2: "));
}

void expect_same(const Scenario& left, const Scenario& right) {
  EXPECT_EQ(left.name, right.name);
  EXPECT_EQ(left.about, right.about);
  EXPECT_EQ(left.layout, right.layout);
  EXPECT_EQ(left.call_deadline, right.call_deadline);
  EXPECT_EQ(left.watchdog, right.watchdog);
  EXPECT_EQ(left.late_after, right.late_after);
  EXPECT_EQ(left.transports, right.transports);
  EXPECT_EQ(left.expectations, right.expectations);
  EXPECT_EQ(left.lines, right.lines);
  EXPECT_EQ(left.contracts.size(), right.contracts.size());
}

// Every verb and field is in one of the files.
TEST(ScenarioTest, EveryFileIsTheSameAfterBeingWritten) {
  namespace fs = std::filesystem;
  std::size_t count = 0;
  for (const fs::directory_entry& entry :
       fs::directory_iterator{fs::path{RADIXBENCH_SOURCE_DIR} / "tests/data/scenarios"}) {
    if (entry.path().extension() != ".scenario") continue;
    SCOPED_TRACE(entry.path().filename().string());
    std::ifstream file{entry.path()};
    const Scenario scenario = parsed(std::string{std::istreambuf_iterator<char>{file}, {}});
    const std::string written = write_scenario(scenario);
    const Scenario again = parsed(written);
    expect_same(scenario, again);
    EXPECT_EQ(write_scenario(again), written);
    ++count;
  }
  EXPECT_GT(count, 30U);
}

TEST(ScenarioTest, WhatNoFileHasIsWrittenToo) {
  const std::string text = std::string{kHead} + R"(
site attach axes=world members=per_key kind=all_gather op=max creates_group
expect class=late/host key="" first_divergence="~a b"
* create tp 0-3 as=3 timeout=5us
! repeat 0
  1/other stall
  1/other sleep 1ns..7ns
  * decide s g outcome=$rank-2 key=$step+1 inputs=-3..4
end
0 exit
)";
  const Scenario scenario = parsed(text);
  expect_same(scenario, parsed(write_scenario(scenario)));
  EXPECT_THAT(write_scenario(scenario), HasSubstr("outcome=$rank-2 key=$step+1 inputs=-3..4"));
}

}  // namespace
}  // namespace radixbench
