#include "daemon/report/night_page.h"

#include "daemon/report/charts.h"
#include "daemon/report/html.h"
#include "daemon/report/night_style.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;

std::string section(const std::string& title, const std::string& body, const std::string& style = "") {
  if (body.empty()) return "";
  return "<section" + (style.empty() ? "" : " class=\"" + style + "\"") + ">\n<h2>" + escaped(title) +
         "</h2>\n" + body + "</section>\n";
}

/// "<dt>" and "<dd>"; nothing for a value that is not known.
std::string fact(const std::string& name, const std::string& value, const std::string& more = "") {
  if (value.empty()) return "";
  return "<div><dt>" + escaped(name) + "</dt><dd>" + escaped(value) +
         (more.empty() ? "" : "<small>" + escaped(more) + "</small>") + "</dd></div>\n";
}

std::string facts(const std::string& body) {
  return body.empty() ? "" : "<dl class=\"facts\">\n" + body + "</dl>\n";
}

std::string count(const json::object& object, std::string_view key) {
  return object.contains({key.data(), key.size()}) ? figure(number_at(object, key), 0) : "";
}

std::string bytes(double count) {
  return count < 1e6 ? figure(count / 1e3, 0) + " kB" : figure(count / 1e6, 1) + " MB";
}

std::string header(const json::object& sleep, const json::object& report) {
  const std::string state = text_at(sleep, "state");
  std::string reason = text_at(report, "reason");
  if (reason.empty()) reason = text_at(report, "error");
  const std::string ended = text_at(sleep, "ended");
  return "<header>\n<h1>Night " + count(sleep, "sleep") + " of " + escaped(text_at(sleep, "model")) +
         "<span class=\"verdict " + escaped(state) + "\">" + escaped(state) + "</span></h1>\n<p>" +
         escaped(text_at(sleep, "started")) + (ended.empty() ? "" : " to " + escaped(ended)) +
         "</p>\n<p class=\"reason\">" + escaped(reason) + "</p>\n</header>\n";
}

std::string overview(const json::object& report) {
  const json::object& energy = object_at(report, "energy");
  const json::object& all = object_at(report, "all");
  std::string body;
  if (number_at(all, "examples") > 0)
    body += fact("all classes", percentage(number_at(all, "after")),
                 percentage(number_at(all, "before")) + " before");
  body += fact("rehearsed", count(report, "replayed"), "latents of the seed");
  body += fact("taught", count(report, "taught"), "episodes");
  body += fact("work", report.contains("seconds") ? figure(number_at(report, "seconds"), 1) + " s" : "",
               count(report, "steps") + " steps of " + text_at(report, "strategy"));
  if (energy.contains("joules"))
    body += fact("energy", figure(number_at(energy, "joules"), 1) + " J", text_at(energy, "source"));
  if (report.contains("ewc_lambda"))
    body += fact("EWC λ", figure(number_at(report, "ewc_lambda"), 4), "how firmly old weights were held");
  if (number_at(report, "right_without_ewc", -1) >= 0)
    body += fact("control, λ = 0", percentage(number_at(report, "right_without_ewc")),
                 "all classes without that hold");
  return facts(body);
}

std::string class_row(const std::string& name, const json::object& row, const std::string& style) {
  if (number_at(row, "examples") == 0)
    return "<tr><td>" + escaped(name) +
           "</td><td class=\"bars\"></td><td colspan=\"6\">nothing held out</td></tr>\n";
  const double before = number_at(row, "before"), after = number_at(row, "after");
  const json::object& core = object_at(row, "core");
  const json::value* fell = row.if_contains("fell");
  std::string classes = style;
  if (fell && fell->is_bool() && fell->get_bool()) classes += " fell";
  const auto cell = [](const std::string& text) { return "<td>" + text + "</td>"; };
  return "<tr class=\"" + classes + "\"><td>" + escaped(name) + "</td><td class=\"bars\">" +
         pair_of_bars(before, after) + "</td>" + cell(percentage(before)) + cell(percentage(after)) +
         cell(count(row, "examples")) + cell("−" + count(row, "lost") + " +" + count(row, "gained")) +
         cell(figure(number_at(row, "p_value", 1), 3)) +
         cell(core.empty() ? "–" : percentage(number_at(core, "after")) + " of " + count(core, "examples")) +
         "</tr>\n";
}

std::string classes(const json::object& report) {
  const json::array& rows = array_at(report, "classes");
  if (rows.empty()) return "";
  std::string table =
      "<div class=\"scroll\"><table>\n<tr><th>class</th><th></th><th>before</th><th>after</th><th>held "
      "out</th><th>lost, won</th><th>p</th><th>core set</th></tr>\n";
  for (const json::value& row : rows)
    if (const json::object* object = row.if_object())
      table += class_row(text_at(*object, "label"), *object, "");
  table += class_row("all", object_at(report, "all"), "all");
  return table +
         "</table></div>\n<p class=\"note\">On examples that training never sees. Lost and won are against "
         "what "
         "was right before and awake; p is the chance of such a loss if the night changed nothing. The core "
         "set "
         "is frozen, so that slow forgetting shows.</p>\n";
}

std::string loss(const json::object& report) {
  Points points;
  for (const json::value& point : array_at(report, "loss"))
    if (const json::array* pair = point.if_array();
        pair && pair->size() == 2 && pair->at(0).is_number() && pair->at(1).is_number())
      points.emplace_back(pair->at(0).to_number<double>(), pair->at(1).to_number<double>());
  return line_chart(points, "steps");
}

/// A bar of named numbers: seconds by stage, shares by driver.
std::string named_shares(const json::object& amounts, const std::string& unit) {
  std::vector<Part> parts;
  for (const auto& [name, value] : amounts)
    if (value.is_number())
      parts.push_back(
          {std::string(name), value.to_number<double>(), figure(value.to_number<double>(), 3) + " " + unit});
  return share_bar(parts);
}

std::string memory(const json::object& report) {
  const json::object& tiers = object_at(report, "memory");
  if (tiers.empty()) return "";
  return facts(fact("working memory", count(tiers, "working"), "newest answers, in RAM") +
               fact("episodes", count(tiers, "episodes"), count(tiers, "labelled") + " labelled") +
               fact("concepts", count(tiers, "concepts"), "prototypes of classes") +
               fact("on disk", bytes(number_at(tiers, "file_bytes")), "the database") +
               fact("forgotten", count(tiers, "forgotten"), "episodes let go in this night") +
               fact("core set", count(tiers, "core"), "examples the guard never lets go"));
}

std::string lineage(const json::object& sleep, const json::array& versions) {
  std::vector<Knot> knots;
  for (const json::value& item : versions)
    if (const json::object* version = item.if_object())
      knots.push_back(
          {static_cast<std::int64_t>(number_at(*version, "version")),
           static_cast<std::int64_t>(number_at(*version, "parent")), text_at(*version, "state"),
           sleep.contains("version") && number_at(*version, "version") == number_at(sleep, "version", -1)});
  const std::string chart = lineage_chart(knots);
  return chart.empty() ? ""
                       : chart +
                             "<p class=\"note\">0 is the shipped model, filled is in service, dashed was "
                             "rejected; the version of this night is underlined.</p>\n";
}

std::string notes(const json::object& report) {
  std::string body;
  for (const json::value& note : array_at(report, "notes"))
    if (note.is_string())
      body += "<p>" + escaped({note.get_string().data(), note.get_string().size()}) + "</p>\n";
  return body;
}

std::string rolled_back(const json::object& sleep) {
  const std::string why = text_at(sleep, "rolled_back");
  return why.empty() ? "" : "<p>" + escaped(why) + "</p>\n";
}

}  // namespace

std::string night_page(const json::object& sleep, const json::array& versions) {
  const json::object& report = object_at(sleep, "report");
  const std::string title = "Night " + count(sleep, "sleep") + " of " + escaped(text_at(sleep, "model"));
  std::string page =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
      title + "</title>\n<style>" + kNightStyle + "</style>\n</head>\n<body>\n<main>\n";
  page += header(sleep, report);
  page += section("Rolled back since", rolled_back(sleep), "warning");
  page += section("At a glance", overview(report));
  page += section("What changed", classes(report));
  page += section("Loss", loss(report));
  page += section("Where the time went", named_shares(object_at(report, "stages"), "s"));
  page += section("What computed", named_shares(object_at(report, "drivers"), "s"));
  page += section("Memory", memory(report));
  page += section("Versions", lineage(sleep, versions));
  page += section("Notes", notes(report));
  return page + "<footer>dormouse sleep report " + count(sleep, "sleep") +
         "</footer>\n</main>\n</body>\n</html>\n";
}

}  // namespace dormouse::daemon
