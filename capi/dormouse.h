#pragma once

/* libdormouse: run ONNX models inside your own program. C11; the library's major version is its ABI.
 *
 * Errors. What can fail returns a dormouse_status and takes, last, a dormouse_error to fill in: the caller's
 * own, so that threads do not share it, or NULL. Messages name what failed (file, node, operator, input) and
 * what was expected. A failed call changes nothing and hands out nothing. NULL where a pointer is needed is
 * DORMOUSE_INVALID.
 *
 * Ownership. A handle is freed with its own function, which takes NULL too. What a function lends (const
 * pointers) lives as long as the handle it was asked of. Memory of the caller's is borrowed for the call,
 * unless it says longer.
 *
 * Threads. Any number may use one model, or read one result, at the same time; options belong to one thread
 * at a time. A handle may be freed by any thread once no other uses it. */

#include <stddef.h>
#include <stdint.h>

#define DORMOUSE_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dormouse_status {
  DORMOUSE_OK = 0,
  DORMOUSE_INTERNAL = 1,    /* a fault of the library */
  DORMOUSE_INVALID = 2,     /* an argument is wrong: value, type, shape */
  DORMOUSE_NOT_FOUND = 3,   /* no such file, driver */
  DORMOUSE_UNSUPPORTED = 4, /* understood, but cannot be run: an operator, an element type */
  DORMOUSE_CORRUPT = 5,     /* the model contradicts itself */
  DORMOUSE_CONFLICT = 6,    /* there is one already */
  DORMOUSE_TOO_LARGE = 7,   /* beyond a limit, or memory */
  DORMOUSE_UNAVAILABLE = 8, /* a device failed; trying again may help */
  DORMOUSE_DENIED = 9,      /* the model reaches for a file it may not */
  DORMOUSE_IO = 10          /* the operating system refused */
} dormouse_status;

typedef struct dormouse_error {
  dormouse_status code;
  char message[1024]; /* UTF-8, cut where it is longer */
} dormouse_error;

/* "0.1.0" */
DORMOUSE_API const char* dormouse_version(void);

/* ---- Tensors ---- */

typedef enum dormouse_type {
  DORMOUSE_F32 = 1,
  DORMOUSE_F64 = 2,
  DORMOUSE_F16 = 3, /* IEEE 754 half precision */
  DORMOUSE_BF16 = 4,
  DORMOUSE_I8 = 5,
  DORMOUSE_U8 = 6,
  DORMOUSE_I16 = 7,
  DORMOUSE_U16 = 8,
  DORMOUSE_I32 = 9,
  DORMOUSE_U32 = 10,
  DORMOUSE_I64 = 11,
  DORMOUSE_U64 = 12,
  DORMOUSE_BOOL = 13 /* one byte, 0 or 1 */
} dormouse_type;

#define DORMOUSE_DYNAMIC (-1)      /* an extent that each run may choose */
#define DORMOUSE_UNKNOWN_RANK (-1) /* a shape of which nothing is known before the run */

/* Elements one after the other, the last axis fastest. */
typedef struct dormouse_tensor {
  dormouse_type type;
  int32_t rank;         /* 0: a scalar */
  const int64_t* shape; /* `rank` extents */
  void* data;
  size_t bytes; /* of the buffer at data: at least what the shape takes */
} dormouse_tensor;

/* An input or output of a model. */
typedef struct dormouse_value {
  const char* name;
  dormouse_type type;
  int32_t rank;         /* or DORMOUSE_UNKNOWN_RANK */
  const int64_t* shape; /* extents may be DORMOUSE_DYNAMIC */
} dormouse_value;

/* ---- Options: how models are loaded; free them when the last one is ---- */

typedef struct dormouse_options dormouse_options;

/* NULL without memory. */
DORMOUSE_API dormouse_options* dormouse_options_new(void);
DORMOUSE_API void dormouse_options_free(dormouse_options* options);
/* Threads that work together on one run, 1 to 1024; 1 unless set, which serves many small runs best. */
DORMOUSE_API dormouse_status dormouse_options_set_threads(dormouse_options* options, int threads,
                                                          dormouse_error* error);
/* What computes: "xnnpack", with portable kernels for what it leaves (as when nothing is set), or
 * "reference": portable kernels alone. */
DORMOUSE_API dormouse_status dormouse_options_set_driver(dormouse_options* options, const char* name,
                                                         dormouse_error* error);

/* ---- Models ---- */

typedef struct dormouse_model dormouse_model;

/* `options` may be NULL. Weights are read from the file while the model lives: replace it by renaming, do not
 * write into it. */
DORMOUSE_API dormouse_status dormouse_load(const char* path, const dormouse_options* options,
                                           dormouse_model** model, dormouse_error* error);
/* The same from memory, which is read in place: it has to stay as it is until the model is freed. */
DORMOUSE_API dormouse_status dormouse_load_memory(const void* bytes, size_t size,
                                                  const dormouse_options* options, dormouse_model** model,
                                                  dormouse_error* error);
DORMOUSE_API void dormouse_model_free(dormouse_model* model);

DORMOUSE_API size_t dormouse_input_count(const dormouse_model* model);
DORMOUSE_API size_t dormouse_output_count(const dormouse_model* model);
/* NULL beyond the last. */
DORMOUSE_API const dormouse_value* dormouse_input(const dormouse_model* model, size_t index);
DORMOUSE_API const dormouse_value* dormouse_output(const dormouse_model* model, size_t index);

/* ---- Runs ---- */

/* Bytes behind an input's elements that kernels may read, and never use. */
#define DORMOUSE_READ_SLACK 64

typedef struct dormouse_result dormouse_result;

/* Inputs in the model's order. They are read where they lie, without a copy, if data is aligned for its type
 * and DORMOUSE_READ_SLACK bytes behind the elements belong to the same buffer (`bytes` says so) or page; else
 * they are copied first. The first run of each combination of input shapes prepares it, and takes longer. */
DORMOUSE_API dormouse_status dormouse_run(const dormouse_model* model, const dormouse_tensor* inputs,
                                          size_t input_count, dormouse_result** result,
                                          dormouse_error* error);
/* Outputs of a run, lent until it is freed. */
DORMOUSE_API size_t dormouse_result_count(const dormouse_result* result);
/* NULL beyond the last. */
DORMOUSE_API const dormouse_tensor* dormouse_result_output(const dormouse_result* result, size_t index);
DORMOUSE_API void dormouse_result_free(dormouse_result* result);

/* The same with all outputs written into buffers of the caller's, whose types and shapes have to be those
 * that come out. */
DORMOUSE_API dormouse_status dormouse_run_into(const dormouse_model* model, const dormouse_tensor* inputs,
                                               size_t input_count, const dormouse_tensor* outputs,
                                               size_t output_count, dormouse_error* error);

/* How many inputs had to be copied, in all runs of the model so far. */
DORMOUSE_API size_t dormouse_copied_inputs(const dormouse_model* model);

/* ---- Operators of your own ---- */

/* A node of a model as your callbacks see it; theirs for the call alone. */
typedef struct dormouse_node dormouse_node;

typedef struct dormouse_operator {
  const char* domain; /* as in the model; not "" or "ai.onnx" */
  const char* name;
  size_t min_inputs;
  size_t max_inputs;
  size_t max_outputs;
  /* Checks the inputs and calls dormouse_node_set_output for every output. Called while loading, with what is
   * known by then, and again when shapes are. */
  dormouse_status (*infer)(void* context, dormouse_node* node);
  /* Writes every output. It may be called by several threads at once, or not at all where nothing reads its
   * outputs; the same inputs must give the same outputs. */
  dormouse_status (*compute)(void* context, dormouse_node* node);
  void* context; /* handed to both; must outlive the models that name the operator */
} dormouse_operator;

/* Models loaded with these options may name it. Everything but `context` is copied. */
DORMOUSE_API dormouse_status dormouse_options_add_operator(dormouse_options* options,
                                                           const dormouse_operator* op,
                                                           dormouse_error* error);

DORMOUSE_API size_t dormouse_node_input_count(const dormouse_node* node);
DORMOUSE_API size_t dormouse_node_output_count(const dormouse_node* node);
/* NULL when the input is left out. While inferring, rank may be DORMOUSE_UNKNOWN_RANK, extents
 * DORMOUSE_DYNAMIC, and data is NULL unless the input is a constant (or the operator had to be left until its
 * inputs are known). */
DORMOUSE_API const dormouse_tensor* dormouse_node_input(const dormouse_node* node, size_t index);
/* Where to write; NULL while inferring. */
DORMOUSE_API const dormouse_tensor* dormouse_node_output(const dormouse_node* node, size_t index);
/* While inferring. DORMOUSE_UNKNOWN_RANK: it depends on the inputs' elements, and infer is called once more
 * with these. */
DORMOUSE_API dormouse_status dormouse_node_set_output(dormouse_node* node, size_t index, dormouse_type type,
                                                      int32_t rank, const int64_t* shape);
/* Attributes of the node; `fallback` when it has none of that name and kind. */
DORMOUSE_API int64_t dormouse_node_integer(const dormouse_node* node, const char* name, int64_t fallback);
DORMOUSE_API float dormouse_node_float(const dormouse_node* node, const char* name, float fallback);
DORMOUSE_API const char* dormouse_node_string(const dormouse_node* node, const char* name,
                                              const char* fallback);
/* Says why a callback fails; returns `code`, so: return dormouse_node_fail(node, DORMOUSE_INVALID, "…"). */
DORMOUSE_API dormouse_status dormouse_node_fail(dormouse_node* node, dormouse_status code,
                                                const char* message);

#ifdef __cplusplus
}
#endif
