#include "engine/formats/safetensors_header.h"

#include <boost/json/basic_parser_impl.hpp>
#include <set>

#include "config/error.h"

namespace dormouse::engine {
namespace {

using boost::json::error_code;
using Text = boost::json::string_view;

constexpr std::size_t kMaxRank = 64;

// Events of the one JSON form there is: {name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}
// and
// {"__metadata__": {key: value}}. Whatever does not fit throws.
class HeaderHandler {
 public:
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);

  explicit HeaderHandler(const std::string& file) : file_(&file) {}

  SafetensorsHeader header;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }

  bool on_object_begin(error_code&) {
    if (depth_ == 1 && in_metadata()) {
      require(!std::exchange(metadata_seen_, true), "__metadata__ twice");
    } else if (depth_ == 1) {
      require(names_.insert(name_).second, "the same name twice");
      header.entries.push_back({.name = name_, .dtype = {}, .shape = {}, .offsets = {}});
    }
    require(depth_ <= 1 && !in_array_, "an object where none belongs");
    ++depth_;
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    --depth_;
    return true;
  }

  bool on_array_begin(error_code&) {
    require(depth_ == 2 && !in_metadata() && !in_array_, "an array where none belongs");
    if (field_ == "shape") {
      require(!entry().shape, "shape twice");
      entry().shape.emplace();
    } else {
      require(field_ == "data_offsets" && entry().offsets.empty(), "an unknown or repeated field");
    }
    in_array_ = true;
    return true;
  }
  bool on_array_end(std::size_t, error_code&) {
    in_array_ = false;
    return true;
  }

  bool on_key_part(Text part, std::size_t, error_code&) { return append(part); }
  bool on_key(Text part, std::size_t, error_code&) {
    append(part);
    (depth_ == 1 ? name_ : field_) = std::exchange(text_, {});
    return true;
  }

  bool on_string_part(Text part, std::size_t, error_code&) { return append(part); }
  bool on_string(Text part, std::size_t, error_code&) {
    append(part);
    std::string value = std::exchange(text_, {});
    require(depth_ == 2 && !in_array_, "a string where none belongs");
    if (in_metadata()) {
      require(header.metadata.emplace(field_, std::move(value)).second, "the same metadata key twice");
    } else {
      require(field_ == "dtype" && !entry().dtype, "an unknown or repeated field");
      entry().dtype = std::move(value);
    }
    return true;
  }

  bool on_number_part(Text, error_code&) { return true; }
  bool on_int64(std::int64_t value, Text, error_code&) {
    require(in_array_ && value >= 0, "a number where none belongs, or a negative one");
    if (field_ == "shape") {
      require(entry().shape->rank() < kMaxRank, "too many dimensions");
      entry().shape->push_back(value);
    } else {
      require(entry().offsets.size() < 2, "more than two offsets");
      entry().offsets.push_back(static_cast<std::uint64_t>(value));
    }
    return true;
  }
  bool on_uint64(std::uint64_t, Text, error_code&) { return refuse("a number beyond any file"); }
  bool on_double(double, Text, error_code&) { return refuse("a fraction"); }
  bool on_bool(bool, error_code&) { return refuse("a boolean"); }
  bool on_null(error_code&) { return refuse("null"); }
  bool on_comment_part(Text, error_code&) { return refuse("a comment"); }
  bool on_comment(Text, error_code&) { return refuse("a comment"); }

  [[noreturn]] bool refuse(std::string_view what) const {
    throw Failure(Errc::corrupt,
                  *file_ + ": header: " + std::string(what) + " (near '" + name_.substr(0, 200) + "')");
  }

 private:
  bool in_metadata() const { return name_ == "__metadata__"; }
  SafetensorsHeader::Entry& entry() { return header.entries.back(); }
  void require(bool condition, std::string_view what) const {
    if (!condition) refuse(what);
  }
  bool append(Text part) {
    text_.append(part.data(), part.size());
    return true;
  }

  const std::string* file_;
  int depth_ = 0;
  bool in_array_ = false;
  bool metadata_seen_ = false;
  std::string text_;   // of a key or string that comes in parts
  std::string name_;   // key in the root object
  std::string field_;  // key below it
  std::set<std::string> names_;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, const std::string& file) {
  boost::json::parse_options options;
  options.max_depth = 4;
  boost::json::basic_parser<HeaderHandler> parser(options, file);
  error_code error;
  const std::size_t consumed = parser.write_some(false, json.data(), json.size(), error);
  if (error) parser.handler().refuse("malformed JSON: " + error.message());
  if (consumed != json.size()) parser.handler().refuse("something behind the closing brace");
  return std::move(parser.handler().header);
}

}  // namespace dormouse::engine
