#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "tests/daemon/raw_client.h"
#include "tests/torture/home.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;

struct Case {
  const char* name;
  const char* method;
  std::string target;
  std::string body;
  unsigned status;
  const char* says = "";
  bool admin = false;
  Fields headers{};
};

const std::string kInfer = "/v2/models/colours/infer";
const std::string kTeach = "/v1/models/colours/feedback";
const std::string kSleep = "/v1/sleep";

std::string inputs(const std::string& type, const std::string& shape, const std::string& data,
                   const std::string& more = "") {
  return R"({"inputs": [{"name": "x", "datatype": ")" + type + R"(", "shape": )" + shape + R"(, "data": )" +
         data + "}]" + more + "}";
}

const std::string kEight = "[1,2,3,4,5,6,7,8]";

/// The model's one input in binary, all eight values `x`, behind its JSON of `length`.
Case binary(const char* name, float x, unsigned status, const char* says) {
  std::string body =
      R"({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 8], "parameters": {"binary_data_size": 32}}]})";
  const std::string length = std::to_string(body.size());
  for (int i = 0; i < 8; ++i) body.append(reinterpret_cast<const char*>(&x), sizeof x);
  return {name, "POST", kInfer, body, status, says, false, {{"Inference-Header-Content-Length", length}}};
}

std::vector<Case> requests(std::uint64_t known) {
  const std::string id = std::to_string(known);
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  return {
      {"no JSON", "POST", kInfer, "hello", 400, "not JSON at byte"},
      {"half JSON", "POST", kInfer, R"({"inputs": [)", 400, "not JSON"},
      {"deep JSON", "POST", kInfer, deep, 400, "nested deeper"},
      {"deep JSON in feedback", "POST", kTeach, R"({"label": )" + deep + "}", 400, "nested deeper"},
      {"an array", "POST", kInfer, "[]", 400, "object"},
      {"an empty body", "POST", kInfer, "", 400},
      {"no inputs", "POST", kInfer, "{}", 400, "inputs"},
      {"another width", "POST", kInfer, inputs("FP32", "[1,7]", "[1,2,3,4,5,6,7]"), 400, "[1, 7]"},
      {"another rank", "POST", kInfer, inputs("FP32", "[8]", kEight), 400, "x"},
      {"fewer values than the shape says", "POST", kInfer, inputs("FP32", "[1,8]", "[1,2]"), 400,
       "8 elements"},
      {"a shape beyond all memory", "POST", kInfer, inputs("FP32", "[4611686018427387904,8]", "[1]"), 400,
       "too large"},
      {"a negative extent", "POST", kInfer, inputs("FP32", "[-1,8]", kEight), 400, "shape"},
      {"another type", "POST", kInfer, inputs("INT32", "[1,8]", kEight), 400, "FP32"},
      {"a type nobody knows", "POST", kInfer, inputs("FP31", "[1,8]", kEight), 400, "FP31"},
      {"strings", "POST", kInfer, inputs("BYTES", "[1]", R"(["a"])"), 400, "BYTES"},
      {"words for numbers", "POST", kInfer, inputs("FP32", "[1,8]", R"([1,2,3,4,5,6,7,"8"])"), 400,
       "numbers"},
      {"a number beyond f32", "POST", kInfer, inputs("FP32", "[1,8]", "[1,2,3,4,5,6,7,1e300]"), 400,
       "too large"},
      {"an empty batch", "POST", kInfer, inputs("FP32", "[0,8]", "[]"), 200},
      binary("NaN", std::numeric_limits<float>::quiet_NaN(), 400, "finite"),
      binary("infinity", std::numeric_limits<float>::infinity(), 400, "finite"),
      binary("the largest numbers", std::numeric_limits<float>::max(), 400, "finite"),
      {"a header length beyond the body",
       "POST",
       kInfer,
       "{}",
       400,
       "Content-Length",
       false,
       {{"Inference-Header-Content-Length", "99"}}},
      {"a header length that is no number",
       "POST",
       kInfer,
       "{}",
       400,
       "number",
       false,
       {{"Inference-Header-Content-Length", "-1"}}},
      {"an unknown output", "POST", kInfer,
       inputs("FP32", "[1,8]", kEight, R"(, "outputs": [{"name": "y"}])"), 400, "'y'"},
      {"an unknown model", "POST", "/v2/models/nobody/infer", inputs("FP32", "[1,8]", kEight), 404,
       "colours"},
      {"an unknown version", "POST", "/v2/models/colours/versions/77/infer", inputs("FP32", "[1,8]", kEight),
       404, "77"},
      {"a version in words", "POST", "/v2/models/colours/versions/new/infer", inputs("FP32", "[1,8]", kEight),
       400, "new"},
      {"a route that is not there", "GET", "/v3", "", 404},
      {"GET where POST is meant", "GET", kInfer, "", 405},
      {"DELETE of a model", "DELETE", "/v2/models/colours", "", 405},
      {"a verb of one's own", "TEACH", kTeach, "", 405},
      {"no label", "POST", kTeach, R"({"episode": )" + id + "}", 400, "label"},
      {"an empty label", "POST", kTeach, R"({"label": "", "episode": )" + id + "}", 400, "label"},
      {"a label of 200 bytes", "POST", kTeach,
       R"({"label": ")" + std::string(200, 'a') + R"(", "episode": )" + id + "}", 400, "label"},
      {"a label with a line break", "POST", kTeach, R"({"label": "a\nb", "episode": )" + id + "}", 400,
       "label"},
      {"a label that is a number", "POST", kTeach, R"({"label": 3, "episode": )" + id + "}", 400, "label"},
      {"both episode and inputs", "POST", kTeach,
       inputs("FP32", "[1,8]", kEight, R"(, "label": "red", "episode": )" + id), 400, "either"},
      {"neither episode nor inputs", "POST", kTeach, R"({"label": "red"})", 400, "episode"},
      {"a batch", "POST", kTeach,
       inputs("FP32", "[2,8]", "[1,2,3,4,5,6,7,8,1,2,3,4,5,6,7,8]", R"(, "label": "red")"), 400, "batch"},
      {"an episode in words", "POST", kTeach, R"({"label": "red", "episode": "last"})", 400, "episode"},
      {"a negative episode", "POST", kTeach, R"({"label": "red", "episode": -1})", 400, "episode"},
      {"half an episode", "POST", kTeach, R"({"label": "red", "episode": 1.5})", 400, "episode"},
      {"an episode that never was", "POST", kTeach, R"({"label": "red", "episode": 18446744073709551615})",
       404, "never"},
      {"an episode of another model", "POST", "/v1/models/plain/feedback",
       R"({"label": "red", "episode": )" + id + "}", 400, "colours"},
      {"an old answer that was not kept", "POST", kTeach, R"({"label": "red", "episode": 1})", 410,
       "episode 1"},
      {"a look at one that was not kept", "GET", "/v1/episodes/1", "", 410},
      {"a look at one that never was", "GET", "/v1/episodes/99999999", "", 404},
      {"a look at words", "GET", "/v1/episodes/%20", "", 400},
      {"why of one that never was", "GET", "/v1/why/99999999", "", 404},
      {"recall by nothing", "POST", "/v1/recall", "{}", 400, "vector"},
      {"recall by a short vector", "POST", "/v1/recall", R"({"vector": [1]})", 400, "16"},
      {"recall by words", "POST", "/v1/recall",
       R"({"vector": ["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p"]})", 400, "vector"},
      {"recall by a vector beyond f32", "POST", "/v1/recall",
       R"({"vector": [1e300,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]})", 400},
      {"recall of a class nobody knows", "POST", "/v1/recall",
       R"({"episode": )" + id + R"(, "filter": {"label": "mauve"}})", 404, "mauve"},
      {"recall after the end of time", "POST", "/v1/recall",
       R"({"episode": )" + id + R"(, "filter": {"after": 18446744073709551615}})", 200},
      {"recall of a million", "POST", "/v1/recall", R"({"episode": )" + id + R"(, "k": 1000000})", 200},
      {"a clip of whole numbers", "POST", "/v1/recall",
       inputs("INT64", "[4,2]", kEight, R"(, "parameters": {"clip": true})"), 400, "FP32"},
      {"a clip of whole numbers, taught", "POST", kTeach,
       inputs("INT64", "[4,2]", kEight, R"(, "label": "red", "parameters": {"clip": true})"), 400, "FP32"},
      {"a clip of three channels", "POST", kTeach,
       inputs("FP32", "[1,3]", "[1,2,3]", R"(, "label": "red", "parameters": {"clip": true})"), 400,
       "expected"},
      {"a stream nobody has", "POST", "/v1/streams/river", "1", 404, "river"},
      {"half a row", "POST", "/v1/streams/colours", "[1]", 400, "line 1"},
      {"no row", "POST", "/v1/streams/colours", "[1, \"b\"]", 400, "line 1"},
      {"a row beyond f32", "POST", "/v1/streams/colours", "[1e300, 1]", 400, "infinity"},
      {"half a binary row",
       "POST",
       "/v1/streams/colours",
       "12345",
       400,
       "channels",
       false,
       {{"Content-Type", "application/octet-stream"}}},
      {"sleep through the user's socket", "POST", kSleep, "{}", 403},
      {"sleep of nobody", "POST", kSleep, R"({"model": "nobody"})", 404, "colours", true},
      {"sleep by an unknown strategy", "POST", kSleep, R"({"strategy": "dream"})", 400, "replay", true},
      {"sleep for no time", "POST", kSleep, R"({"budget": 0})", 400, "budget", true},
      {"sleep for words", "POST", kSleep, R"({"budget": "long"})", 400, "budget", true},
      {"a night that never was", "GET", "/v1/sleeps/12345", "", 404},
      {"rollback with nothing to roll back", "POST", "/v1/models/colours/rollback", "", 409, "shipped", true},
      {"rollback to what never was", "POST", "/v1/models/colours/rollback", R"({"version": 9})", 404, "9",
       true},
      {"a query that is no query", "GET", "/v1/status?a=%zz", "", 400},
      {"a path above the root", "GET", "/v2/models/..%2f..%2fetc", "", 404},
  };
}

TEST_CASE("bad requests get a clear answer each, and nothing is lost", "[torture]") {
  constexpr std::uint64_t kSeed = 5;
  INFO("seed " << kSeed);
  const Home home(kSeed, "memory: {working: {items: 64}}\n");
  const DormouseProcess process(home.folder);
  HttpClient user = process.user(), admin = process.admin();
  const auto post = [&](const std::string& target, const std::string& body) {
    return answer_of(user.send({.method = "POST", .target = target, .body = body}));
  };
  for (int i = 0; i < 4; ++i) post(kInfer, probe_of(home.model.probes(10)));
  const auto known = post(kTeach, body_of(home.model.example("grey", 1), R"(, "label": "grey")"))
                         .at("episode")
                         .to_number<std::uint64_t>();
  const std::string probe = probe_of(home.model.probes(1));
  const json::value before = post(kInfer, probe).at("outputs");

  for (const Case& bad : requests(known)) {
    INFO(bad.name << ": " << bad.method << " " << bad.target);
    HttpClient& client = bad.admin ? admin : user;
    const std::string* type = find_field(bad.headers, "Content-Type");
    const Reply reply = client.send({.method = bad.method,
                                     .target = bad.target,
                                     .body = bad.body,
                                     .content_type = type ? *type : "application/json",
                                     .headers = type ? Fields{} : bad.headers});
    INFO(reply.body);
    CHECK(reply.status == bad.status);
    if (bad.status >= 400) {
      CHECK_THAT(reply.body, Catch::Contains(R"("error")"));
      CHECK_THAT(reply.body, Catch::Contains(bad.says));
    }
    CHECK(post(kInfer, probe).at("outputs") == before);
  }
  const json::value kept = answer_of(user.send({.target = "/v1/episodes/" + std::to_string(known)}));
  CHECK(kept.at("label") == json::value("grey"));
}

TEST_CASE("bodies beyond the limit and slow or broken clients leave the others alone", "[torture]") {
  const Home home(6);
  const DormouseProcess process(home.folder);
  HttpClient user = process.user();
  const auto alive = [&] { return user.send({.target = "/v2/health/live"}).status == 200; };

  std::vector<std::unique_ptr<RawClient>> clients;
  const auto connect = [&]() -> RawClient& {
    return *clients.emplace_back(std::make_unique<RawClient>(home.folder.file("user.sock")));
  };
  connect().say("POST " + kInfer + " HTTP/1.1\r\nHost: x\r\n");  // half a header
  connect().say("POST " + kInfer +
                " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"inputs\"");  // half a body
  connect();                                                                        // not a word
  connect().say(std::string("\x16\x03\x01\x02\x00\x01", 6));                        // TLS
  connect().say("GET /v1/streams/colours/answers HTTP/1.1\r\nHost: x\r\n\r\n");     // never reads
  CHECK(alive());

  const std::string large =
      connect().ask("POST " + kInfer + " HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000\r\n\r\n");
  CHECK_THAT(large, Catch::Contains(" 413 "));
  const std::string header =
      connect().ask("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(20'000, 'a') + "\r\n\r\n");
  CHECK_THAT(header, Catch::Contains(" 431 "));
  CHECK_THAT(connect().ask("complete nonsense\r\n\r\n"), Catch::Contains(" 400 "));
  CHECK(alive());

  for (int i = 0; i < 400; ++i) connect();  // more than it takes
  clients.clear();
  bool answered = false;
  for (int i = 0; i < 1000 && !answered; ++i) {
    try {
      answered = HttpClient(home.folder.file("user.sock")).send({.target = "/v2/health/live"}).status == 200;
    } catch (const Failure&) {  // turned away while the others' ends are noticed
    }
  }
  CHECK(answered);
}

}  // namespace
}  // namespace dormouse::daemon
