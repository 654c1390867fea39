#include "daemon/report/night_page.h"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include "daemon/report/charts.h"
#include "daemon/report/html.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;
using Catch::Contains;

const char* const kNight =
    R"({"sleep": 7, "model": "<b>words</b>", "state": "accepted", "started": "2026-11-20T01:00:00.000Z",
  "ended": "2026-11-20T01:00:02.000Z", "version": 2, "parent": 1, "rolled_back": "worse & worse",
  "report": {"reason": "2 classes get better", "strategy": "replay", "steps": 600, "replayed": 400, "taught": 40,
    "seconds": 0.31, "ewc_lambda": 0.025, "loss": [[1, 0.9], [300, 0.4], [600, 0.2]],
    "stages": {"select": 0.01, "rehearse": 0.25, "dream check": 0.05}, "energy": {"joules": 1.24, "source": "estimated"},
    "classes": [
      {"label": "three\"><script>alert(1)</script>", "examples": 20, "before": 0.5, "after": 0.9, "lost": 0, "gained": 8,
       "p_value": 1, "fell": false, "core": {"examples": 12, "after": 1}},
      {"label": "nine", "examples": 20, "before": 0.9, "after": 0.4, "lost": 10, "gained": 0, "p_value": 0.001, "fell": true},
      {"label": "ten", "examples": 0}],
    "all": {"examples": 40, "before": 0.7, "after": 0.65, "lost": 10, "gained": 8, "p_value": 0.4, "fell": false},
    "memory": {"working": 4096, "episodes": 50, "labelled": 40, "concepts": 12, "file_bytes": 81920, "forgotten": 3, "core": 60},
    "notes": ["no seed <memory>"]}})";
const char* const kVersions = R"([{"version": 0, "parent": null, "state": "shipped"},
  {"version": 1, "parent": 0, "state": "accepted"}, {"version": 2, "parent": 1, "state": "active"},
  {"version": 3, "parent": 1, "state": "rejected"}])";

std::string page(const std::string& sleep, const std::string& versions = "[]") {
  return night_page(json::parse(sleep).as_object(), json::parse(versions).as_array());
}

/// The first tag that is closed wrongly or never; empty when all nest.
std::string wrong_tag(const std::string& html) {
  std::vector<std::string> open;
  for (std::size_t at = 0; (at = html.find('<', at)) != std::string::npos;) {
    const std::size_t end = html.find('>', at);
    if (end == std::string::npos) return html.substr(at, 40);
    const std::string tag = html.substr(at + 1, end - at - 1),
                      name = tag.substr(0, tag.find_first_of(" /\n", 1));
    at = end;
    if (tag[0] == '!' || name == "meta" || tag.back() == '/') continue;
    if (tag[0] != '/') {
      open.push_back(name);
    } else {
      if (open.empty() || "/" + open.back() != tag) return tag;
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

TEST_CASE("a night's page shows what happened and why", "[page]") {
  const std::string html = page(kNight, kVersions);
  CHECK(wrong_tag(html) == "");
  for (const char* text : {"2 classes get better", "accepted", "nine", "40 %", "90 %", "−10 +0",
                           "dream check", "100 % of 12", "1.2 J", "<h2>Loss</h2>", "<h2>Versions</h2>",
                           "forgotten", "Rolled back since", "prefers-color-scheme: dark"})
    CHECK_THAT(html, Contains(text));
}

TEST_CASE("what people named is text, and nothing comes from elsewhere", "[page]") {
  const std::string html = page(kNight, kVersions);
  for (const char* text : {"<script", "<b>words", "<memory>", "src=", "href=", "http", "url(", "@import"})
    CHECK_THAT(html, !Contains(text));
  CHECK_THAT(html, Contains("&lt;b&gt;words&lt;/b&gt;"));
  CHECK_THAT(html, Contains("worse &amp; worse"));
}

TEST_CASE("a night that came to nothing has a page too", "[page]") {
  const std::string sleep = GENERATE(
      R"({"sleep": 1, "model": "m", "state": "failed", "started": "", "ended": null, "report": {"error": "no disk"}})",
      R"({"sleep": 1, "model": "m", "state": "running", "started": "", "ended": null, "report": null})",
      R"({"sleep": 1, "model": "m", "state": "rejected", "report": {"classes": 3, "loss": [1, [2]], "stages": {"a": "b"}}})");
  const std::string html = page(sleep);
  CHECK(wrong_tag(html) == "");
  CHECK_THAT(html, Contains("Night 1 of m"));
  CHECK_THAT(html, !Contains("<h2>Loss"));
}

TEST_CASE("charts keep their values on the paper", "[page]") {
  CHECK(line_chart({{1, 2}}, "steps").empty());
  CHECK_THAT(line_chart({{1, 2}, {2, 2}}, "steps"), !Contains("nan"));
  CHECK(share_bar({{"nothing", 0, "0"}}).empty());
  CHECK_THAT(pair_of_bars(-1, 7), Contains("width=\"200\"") && !Contains("width=\"1400\""));
}

TEST_CASE("figures are short", "[page]") {
  CHECK(figure(2.5) == "2.5");
  CHECK(figure(200, 0) == "200");
  CHECK(figure(-0.001) == "0");
  CHECK(percentage(1) == "100 %");
  CHECK(escaped("<a b='c' & \"d\">") == "&lt;a b=&#39;c&#39; &amp; &quot;d&quot;&gt;");
}

}  // namespace
}  // namespace dormouse::daemon
