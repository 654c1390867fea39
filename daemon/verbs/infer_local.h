#pragma once

#include <string>

#include "daemon/verbs/verb.h"

namespace dormouse::daemon {

/// Whether `model` names a file rather than a model of the daemon.
bool names_file(const std::string& model);

/// `dormouse infer MODEL.onnx FILE…`: runs the files here, without a daemon and without remembering. A clip
/// is cut or padded to the model's window and not normalised.
int infer_here(const Arguments& arguments);

}  // namespace dormouse::daemon
