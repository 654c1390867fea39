// What becomes of a result before it is written: the activation behind a product. In the order of Finish::What.
float finished(uint what, float x, float a, float b) {
  if (what == 1) return x < a ? a : x > b ? b : x;         // between bounds; what is no number stays so
  if (what == 2) return x < 0.0 ? a * x : x;               // leaky
  if (what == 3) return x * clamp(a * x + b, 0.0, 1.0);    // hard swish
  if (what == 4) return clamp(a * x + b, 0.0, 1.0);        // hard sigmoid
  if (what == 5) return 1.0 / (1.0 + exp(-x));             // sigmoid
  return what == 6 ? x / (1.0 + exp(-a * x)) : x;          // swish
}
