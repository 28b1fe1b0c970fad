// Waiting without a limit that a busy machine breaks: what is waited for ends it, and the patience is for what never
// comes.
#pragma once

#include <chrono>
#include <thread>

namespace penstock::test {

inline constexpr std::chrono::seconds kPatience{60};

/// Asks every few milliseconds until the answer is true; false when the patience has run out.
template <class Question, class Meanwhile>
bool eventually(Question question, Meanwhile meanwhile) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!question()) {
    if (std::chrono::steady_clock::now() > end) return false;
    meanwhile();
  }
  return true;
}

template <class Question>
bool eventually(Question question) {
  return eventually(question, [] { std::this_thread::sleep_for(std::chrono::milliseconds(2)); });
}

/// The same while an io_context runs in this thread.
template <class Context, class Question>
bool runUntil(Context& context, Question question) {
  return eventually(question, [&context] {
    context.restart();
    context.run_for(std::chrono::milliseconds(2));
  });
}

}  // namespace penstock::test
