#include "memory/store.h"
#include "memory/store_database.h"

namespace dormouse::memory {
namespace {

constexpr std::int64_t kCalibrationPoints = 50'000;  // of all models: older ones go

SleepRecord read_sleep(const sqlite::Statement& row) {
  SleepRecord record;
  record.id = row.integer(0);
  record.model = row.text(1);
  record.started = row.time(2);
  if (!row.is_null(3)) record.ended = row.time(3);
  record.state = static_cast<SleepState>(row.integer(4));
  record.report = row.text(5);
  return record;
}

constexpr std::string_view kSleeps =
    "SELECT s.id, m.name, s.started, s.ended, s.state, s.report FROM sleep s JOIN model m ON m.id = s.model ";

void insert_version(const sqlite::Connection& sql, const VersionRecord& version, Names& names) {
  const std::int64_t model = names.model(version.model);
  sqlite::Statement known = sql.prepare("SELECT 1 FROM version WHERE model = ? AND version = ?");
  if (known.with(model, version.version).step()) {
    throw Failure(Errc::conflict,
                  version.model + ": version " + std::to_string(version.version) + " is recorded already");
  }
  sql.prepare("INSERT INTO version VALUES(?, ?, ?, ?, ?, ?, ?)")
      .run(model, version.version, version.parent, version.sleep, version.time,
           static_cast<int>(version.state), version.digest);
}

void set_active(const sqlite::Connection& sql, std::int64_t model, std::int64_t version) {
  sql.prepare("UPDATE model SET active = ? WHERE id = ?").run(version, model);
}

}  // namespace

std::string_view word(SleepState state) {
  switch (state) {
    case SleepState::running:
      return "running";
    case SleepState::accepted:
      return "accepted";
    case SleepState::rejected:
      return "rejected";
    case SleepState::stopped:
      return "stopped";
    case SleepState::failed:
      return "failed";
    case SleepState::interrupted:
      return "interrupted";
  }
  return "unknown";
}

std::string_view word(VersionState state) {
  return state == VersionState::accepted ? "accepted" : "rejected";
}

std::int64_t Store::begin_sleep(std::string_view model) {
  std::int64_t id = 0;
  database_->write([&](Names& names) {
    database_->sql.prepare("INSERT INTO sleep(model, started, state, report) VALUES(?, ?, ?, '')")
        .run(names.model(std::string(model)), database_->clock->wall(),
             static_cast<int>(SleepState::running));
    id = database_->sql.last_row_id();
  });
  return id;
}

void Store::resume_sleep(std::int64_t id) {
  database_->write([&](Names&) {
    sqlite::Statement resume = database_->sql.prepare(
        "UPDATE sleep SET state = ?, ended = NULL WHERE id = ? AND state = ? RETURNING id");
    if (!resume.with(static_cast<int>(SleepState::running), id, static_cast<int>(SleepState::interrupted))
             .step())
      throw Failure(Errc::conflict, "sleep " + std::to_string(id) + ": was not interrupted");
  });
}

void Store::end_sleep(std::int64_t id, SleepState state, std::string_view report,
                      const std::optional<VersionRecord>& version, std::span<const Entry> entries,
                      std::optional<std::int64_t> embedding) {
  const sqlite::Connection& sql = database_->sql;
  database_->write([&](Names& names) {
    sqlite::Statement end = sql.prepare(
        "UPDATE sleep SET state = ?, ended = ?, report = ? WHERE id = ? AND ended IS NULL RETURNING id");
    if (!end.with(static_cast<int>(state), database_->clock->wall(), report, id).step()) {
      throw Failure(Errc::conflict, "sleep " + std::to_string(id) + ": is not running");
    }
    database_->put(entries);
    if (!version) return;
    insert_version(sql, *version, names);
    if (version->state != VersionState::accepted) return;
    set_active(sql, names.model(version->model), version->version);
    if (embedding) database_->switch_embedding(names.model(version->model), *embedding);
  });
}

std::optional<SleepRecord> Store::sleep(std::int64_t id) const {
  sqlite::Statement select = database_->sql.prepare(std::string(kSleeps).append("WHERE s.id = ?"));
  if (!select.with(id).step()) return std::nullopt;
  return read_sleep(select);
}

std::vector<SleepRecord> Store::sleeps(std::size_t n) const {
  sqlite::Statement select =
      database_->sql.prepare(std::string(kSleeps).append("ORDER BY s.id DESC LIMIT ?"));
  std::vector<SleepRecord> records;
  select.with(n);
  while (select.step()) records.push_back(read_sleep(select));
  return records;
}

void Store::record_version(const VersionRecord& version) {
  database_->write([&](Names& names) { insert_version(database_->sql, version, names); });
}

std::vector<VersionRecord> Store::versions(std::string_view model) const {
  sqlite::Statement select = database_->sql.prepare(
      "SELECT m.name, v.version, v.parent, v.sleep, v.time, v.state, v.digest FROM version v "
      "JOIN model m ON m.id = v.model WHERE m.name = ? ORDER BY v.version");
  std::vector<VersionRecord> records;
  select.with(model);
  while (select.step()) {
    records.push_back({select.text(0), select.integer(1), select.integer(2), select.integer(3),
                       select.time(4), static_cast<VersionState>(select.integer(5)), select.text(6)});
  }
  return records;
}

void Store::activate(std::string_view model, std::int64_t version, std::optional<std::int64_t> embedding) {
  const sqlite::Connection& sql = database_->sql;
  const std::string name = std::string(model) + ": version " + std::to_string(version);
  database_->write([&](Names& names) {
    const std::int64_t owner = names.model(std::string(model));
    sqlite::Statement find = sql.prepare("SELECT state FROM version WHERE model = ? AND version = ?");
    const bool known = find.with(owner, version).step();
    if (version != 0 && !known) throw Failure(Errc::not_found, name + " does not exist");
    if (known && find.integer(0) != static_cast<int>(VersionState::accepted)) {
      throw Failure(Errc::conflict, name + " was rejected: it is kept for inspection only");
    }
    set_active(sql, owner, version);
    if (embedding) database_->switch_embedding(owner, *embedding);
  });
}

std::int64_t Store::active_version(std::string_view model) const {
  sqlite::Statement find = database_->sql.prepare("SELECT active FROM model WHERE name = ?");
  return find.with(model).step() ? find.integer(0) : 0;
}

void Store::record_calibration(std::span<const CalibrationPoint> points) {
  const sqlite::Connection& sql = database_->sql;
  database_->write([&](Names& names) {
    sqlite::Statement insert = sql.prepare(
        "INSERT INTO calibration(model, time, route, score, wrong, audit, propensity) VALUES(?, ?, ?, ?, ?, "
        "?, ?)");
    for (const CalibrationPoint& point : points) {
      insert.run(names.model(point.model), point.time, point.route, point.score, point.wrong, point.audit,
                 point.propensity);
    }
    sql.prepare("DELETE FROM calibration WHERE id <= (SELECT max(id) FROM calibration) - ?")
        .run(kCalibrationPoints);
  });
}

std::vector<CalibrationPoint> Store::calibration(std::string_view model, std::size_t newest) const {
  sqlite::Statement select = database_->sql.prepare(
      "SELECT * FROM (SELECT m.name, c.time, c.route, c.score, c.wrong, c.audit, c.propensity, c.id FROM "
      "calibration c "
      "JOIN model m ON m.id = c.model WHERE m.name = ? ORDER BY c.id DESC LIMIT ?) ORDER BY 8");
  std::vector<CalibrationPoint> points;
  select.with(model, newest);
  while (select.step()) {
    points.push_back({select.text(0), select.time(1), static_cast<std::uint8_t>(select.integer(2)),
                      static_cast<float>(select.real(3)), select.integer(4) != 0, select.integer(5) != 0,
                      static_cast<float>(select.real(6))});
  }
  return points;
}

}  // namespace dormouse::memory
