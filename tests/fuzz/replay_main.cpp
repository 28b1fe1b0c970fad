// Runs a fuzz target without libFuzzer: over its corpus, then over seeded mutations of it for so many seconds
// (FUZZ_SECONDS in the environment takes precedence, with another seed each time).
// The input that kills it is written to standard error and to a file, so that it can join the corpus.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Bytes = std::vector<uint8_t>;
using Random = std::mt19937_64;

constexpr size_t kInputMax = 4096;

Bytes current;
std::string crash_file;

/// Only what a signal handler may do; a crashing program has nothing to lose by the file.
void tellCurrent() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::fputs("input: ", stderr);
  for (const uint8_t byte : current) std::fprintf(stderr, "%c%c", kDigits[byte >> 4], kDigits[byte & 15]);
  std::fprintf(stderr, "\nkept in %s\n", crash_file.c_str());
  std::ofstream(crash_file, std::ios::binary)
      .write(reinterpret_cast<const char*>(current.data()), static_cast<std::streamsize>(current.size()));
}

void onSignal(int signal) {
  std::signal(signal, SIG_DFL);
  tellCurrent();
  std::raise(signal);
}

void runOne(const Bytes& input) {
  // A copy of exactly this size on the heap: one byte too far is seen by AddressSanitizer.
  current = Bytes(input.begin(), input.end());
  current.shrink_to_fit();
  LLVMFuzzerTestOneInput(current.data(), current.size());
}

std::vector<Bytes> readCorpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<Bytes> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

void overwrite(Bytes& input, Random& random) {
  static constexpr uint64_t kInteresting[] = {0, 1, 3, 4, 7, 8, 15, 16, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff};
  const size_t size = size_t{1} << random() % 3;
  if (input.size() < size) return;
  const size_t at = random() % (input.size() - size + 1);
  const uint64_t value = random() % 2 == 0 ? random() : kInteresting[random() % std::size(kInteresting)];
  for (size_t i = 0; i < size; ++i) input[at + i] = static_cast<uint8_t>(value >> 8 * (size - 1 - i));
}

void mutate(Bytes& input, const std::vector<Bytes>& corpus, Random& random) {
  const auto place = [&] { return static_cast<ptrdiff_t>(input.empty() ? 0 : random() % (input.size() + 1)); };
  ptrdiff_t from = place(), to = place();
  if (from > to) std::swap(from, to);
  switch (random() % 8) {
    case 0:
    case 1:
      if (!input.empty()) input[random() % input.size()] ^= static_cast<uint8_t>(1u << random() % 8);
      break;
    case 2:
    case 3:
      return overwrite(input, random);
    case 4:
      input.erase(input.begin() + from, input.begin() + std::min<ptrdiff_t>(to, from + 16));
      break;
    case 5: {
      const Bytes piece(input.begin() + from, input.begin() + std::min<ptrdiff_t>(to, from + 64));
      input.insert(input.begin() + place(), piece.begin(), piece.end());
      break;
    }
    case 6:
      input.resize(static_cast<size_t>(to));
      break;
    default: {
      const Bytes& other = corpus[random() % corpus.size()];
      const size_t cut = other.empty() ? 0 : random() % other.size();
      input.resize(static_cast<size_t>(from));
      input.insert(input.end(), other.begin() + static_cast<ptrdiff_t>(cut), other.end());
    }
  }
  if (input.size() > kInputMax) input.resize(kInputMax);
}

uint64_t numberOr(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s CORPUS SECONDS   (FUZZ_SECONDS, FUZZ_SEED)\n", argv[0]);
    return 2;
  }
  crash_file = std::filesystem::path(argv[0]).filename().string() + ".crash";
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(tellCurrent);
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, onSignal);

  std::vector<Bytes> corpus = std::filesystem::is_directory(argv[1]) ? readCorpus(argv[1]) : std::vector<Bytes>{};
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no corpus\n", argv[1]);
    return 2;
  }
  runOne({});
  for (const Bytes& input : corpus) runOne(input);

  const bool long_run = std::getenv("FUZZ_SECONDS") != nullptr;
  const uint64_t seed = numberOr("FUZZ_SEED", long_run ? std::random_device{}() : 1);
  std::printf("%zu inputs of the corpus; mutations from FUZZ_SEED=%llu\n", corpus.size(),
              static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  Random random(seed);
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::seconds(numberOr("FUZZ_SECONDS", std::strtoull(argv[2], nullptr, 10)));
  uint64_t runs = 0;
  while (runs % 256 != 0 || std::chrono::steady_clock::now() < end) {
    Bytes input = corpus[random() % corpus.size()];
    for (size_t i = 0; i <= random() % 6; ++i) mutate(input, corpus, random);
    runOne(input);
    ++runs;
  }
  std::printf("%llu mutations\n", static_cast<unsigned long long>(runs));
  return 0;
}
