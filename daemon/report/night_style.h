#pragma once

namespace dormouse::daemon {

/// The style sheet of a night's page: light and dark, and fit for paper.
inline constexpr const char* kNightStyle = R"css(
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #fff; --ink: #23211d; --faint: #77726a; --rule: #e6e2da;
  --before: #b9b2a5; --after: #2f7d5b; --worse: #b4472f; --line: #3d6ea5; --good: #2f7d5b; --bad: #b4472f; --calm: #8a6d1f; }
@media (prefers-color-scheme: dark) { :root { --paper: #17181c; --card: #1f2126; --ink: #e8e6e1; --faint: #9b978e;
  --rule: #33353c; --before: #6d6a64; --after: #5fbf92; --worse: #e58068; --line: #7eb0ea; --good: #5fbf92; --bad: #e58068;
  --calm: #d9b85c; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 2.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 46rem; margin: 0 auto; }
header p { margin: .2rem 0; color: var(--faint); }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; font-weight: 650; letter-spacing: -.01em; }
h2 { font-size: 1.05rem; margin: 0 0 .9rem; font-weight: 650; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 1.2rem 1.3rem; margin-top: 1.1rem; }
.verdict { display: inline-block; padding: .1rem .65rem; border-radius: 1rem; font-weight: 600; font-size: .95rem;
  color: var(--card); background: var(--calm); vertical-align: .2rem; margin-left: .5rem; }
.verdict.accepted { background: var(--good); } .verdict.rejected, .verdict.failed { background: var(--bad); }
header .reason { color: var(--ink); font-size: 1.08rem; margin-top: .6rem; }
.warning { border-left: 4px solid var(--bad); }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .9rem 1.2rem; margin: 0; }
.facts dt { color: var(--faint); font-size: .85rem; } .facts dd { margin: 0; font-size: 1.15rem; font-weight: 550; }
.facts dd small { display: block; font-size: .8rem; font-weight: 400; color: var(--faint); }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th { text-align: right; color: var(--faint); font-weight: 500; font-size: .83rem; padding: 0 .4rem .4rem; }
td { text-align: right; padding: .32rem .4rem; border-top: 1px solid var(--rule); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: normal; overflow-wrap: anywhere; }
td.bars { width: 32%; } td.bars svg { display: block; width: 100%; height: 19px; }
tr.all td { font-weight: 600; } tr.fell td:first-child::after { content: " fell"; color: var(--bad); font-size: .83rem; }
.scroll { overflow-x: auto; }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--faint); font-size: 12px; }
.grid { stroke: var(--rule); fill: none; } .line { stroke: var(--line); fill: none; stroke-width: 2; stroke-linejoin: round; }
.area { fill: var(--line); opacity: .12; } .track { fill: var(--rule); opacity: .6; }
.before { fill: var(--before); } .after { fill: var(--after); } .worse { fill: var(--worse); }
.part0 { --c: #3d6ea5; } .part1 { --c: #2f9477; } .part2 { --c: #c99a2e; } .part3 { --c: #a4567f; }
.part4 { --c: #6a64b5; } .part5 { --c: #bb6237; } .part6 { --c: #7d8a3c; }
.part { fill: var(--c); } span.part { background: var(--c); }
ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.3rem; margin: .8rem 0 0; padding: 0; font-size: .9rem; }
.legend span { display: inline-block; width: .75rem; height: .75rem; border-radius: 2px; margin-right: .4rem; vertical-align: -1px; }
.legend b { font-weight: 550; }
.link { stroke: var(--before); stroke-width: 2; fill: none; }
.knot circle { fill: var(--card); stroke: var(--before); stroke-width: 2; } .knot text { fill: var(--ink); }
.knot.accepted circle { stroke: var(--good); } .knot.rejected circle { stroke: var(--bad); stroke-dasharray: 3 3; }
.knot.active circle { fill: var(--good); stroke: var(--good); } .knot.active text { fill: var(--card); font-weight: 650; }
.knot.ours text { text-decoration: underline; }
.note { color: var(--faint); font-size: .88rem; margin: .9rem 0 0; }
footer { color: var(--faint); font-size: .83rem; margin-top: 1.4rem; text-align: center; }
@media print { body { padding: 0; } section { break-inside: avoid; } }
)css";

}  // namespace dormouse::daemon
