#pragma once

#include "daemon/client/tensor_message.h"
#include "daemon/verbs/verb.h"
#include "engine/published.h"

#include <filesystem>
#include <functional>
#include <string>

namespace dormouse::daemon {

/// Whether `model` names a file rather than a model of the daemon.
bool names_file(const std::string& model);

/// The normalisation in the seed memory beside the model, as `dormouse train` and `dormouse seed` leave it
/// there.
engine::InputNormaliser normaliser_beside(const std::filesystem::path& model);

/// What `file` holds as the input `spec` of a model: as it is where it fits, else as a clip.
engine::Tensor input_from(const std::string& file, const TensorSpec& spec,
                          const engine::InputNormaliser& normaliser);

/// Asks about the files behind MODEL, one after the other, then shows. One that cannot be answered hides none
/// of those before it: these are shown, and the failure, which names the file, is thrown.
void ask_about_files(const Arguments& arguments, const std::function<void(const std::string&)>& ask,
                     const std::function<void()>& show);

/// `dormouse infer MODEL.onnx FILE…`: runs the files here, without a daemon and without remembering. A clip
/// is normalised as the seed beside the model says, and cut or padded to the window.
int infer_here(const Arguments& arguments);

}  // namespace dormouse::daemon
