// See turns.h.
#include "control/metrics/turns.h"

#include <boost/asio/io_context.hpp>

#include "control/metrics/metrics.h"

namespace penstock {

void runTurns(boost::asio::io_context& io, Metrics& metrics) {
  for (uint64_t begin = threadCpuNs(); io.run_one() > 0;) {
    const uint64_t end = threadCpuNs();
    metrics.controlTurn(end - begin);
    begin = end;
  }
}

}  // namespace penstock
