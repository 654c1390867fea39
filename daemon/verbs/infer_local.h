#pragma once

#include "daemon/client/tensor_message.h"
#include "daemon/verbs/verb.h"
#include "engine/published.h"

#include <filesystem>
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

/// `dormouse infer MODEL.onnx FILE…`: runs the files here, without a daemon and without remembering. A clip
/// is cut or padded to the model's window and not normalised.
int infer_here(const Arguments& arguments);

}  // namespace dormouse::daemon
