/* classify MODEL.onnx INPUT.f32: the five best classes of a model with one f32 input; INPUT holds its raw elements.
 *
 *   cc -std=c11 classify.c $(pkg-config --cflags --libs dormouse) -o classify */
#include <dormouse.h>
#include <stdio.h>
#include <stdlib.h>

#define BEST 5

static int fail(const char* message) {
  fprintf(stderr, "classify: %s\n", message);
  return EXIT_FAILURE;
}

/* Reads `count` floats into a buffer with the slack that lets the library read them in place; NULL if it cannot. */
static float* read_floats(const char* path, size_t count, size_t* bytes) {
  *bytes = count * sizeof(float) + DORMOUSE_READ_SLACK;
  float* const values = calloc(1, *bytes);
  FILE* const file = fopen(path, "rb");
  const int complete = values && file && fread(values, sizeof(float), count, file) == count;
  if (file) fclose(file);
  if (complete) return values;
  free(values);
  return NULL;
}

static void print_best(const float* scores, size_t count) {
  size_t best[BEST + 1]; /* sorted; the last place is for what falls out */
  size_t found = 0;
  for (size_t i = 0; i < count; ++i) {
    size_t at = found;
    for (; at > 0 && scores[i] > scores[best[at - 1]]; --at) best[at] = best[at - 1];
    best[at] = i;
    if (found < BEST) ++found;
  }
  for (size_t i = 0; i < found; ++i) printf("class %zu: %.4f\n", best[i], (double)scores[best[i]]);
}

static int classify(const dormouse_model* model, const char* path) {
  const dormouse_value* const expected = dormouse_input(model, 0);
  if (dormouse_input_count(model) != 1 || expected->type != DORMOUSE_F32 || expected->rank < 0 || expected->rank > 8)
    return fail("the model needs one f32 input");
  int64_t shape[8];
  size_t count = 1;
  for (int32_t i = 0; i < expected->rank; ++i) {
    shape[i] = expected->shape[i] == DORMOUSE_DYNAMIC ? 1 : expected->shape[i];
    count *= (size_t)shape[i];
  }
  dormouse_tensor input = {.type = DORMOUSE_F32, .rank = expected->rank, .shape = shape};
  float* const values = read_floats(path, count, &input.bytes);
  if (!values) return fail("INPUT does not hold the elements of one input");
  input.data = values;

  dormouse_error error;
  dormouse_result* result;
  if (dormouse_run(model, &input, 1, &result, &error) != DORMOUSE_OK) {
    free(values);
    return fail(error.message);
  }
  const dormouse_tensor* const scores = dormouse_result_output(result, 0);
  const int printable = scores && scores->type == DORMOUSE_F32;
  if (printable) print_best(scores->data, scores->bytes / sizeof(float));
  printf("copied inputs: %zu\n", dormouse_copied_inputs(model));
  dormouse_result_free(result);
  free(values);
  return printable ? EXIT_SUCCESS : fail("the first output is not f32");
}

int main(int argc, char** argv) {
  if (argc != 3) return fail("usage: classify MODEL.onnx INPUT.f32");
  dormouse_error error;
  dormouse_model* model;
  if (dormouse_load(argv[1], NULL, &model, &error) != DORMOUSE_OK) return fail(error.message);
  const int status = classify(model, argv[2]);
  dormouse_model_free(model);
  return status;
}
