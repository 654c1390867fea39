#pragma once

#include <complex>
#include <span>

namespace dormouse::engine {

/// The discrete Fourier transform of `line` in place: Σ xₙ e^(∓2πikn/N), the inverse divided by N. By halves
/// where N is a power of two (Cooley and Tukey 1965), else term by term.
void fourier(std::span<std::complex<double>> line, bool inverse);

}  // namespace dormouse::engine
