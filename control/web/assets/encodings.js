// How a picture is encoded, so that each receiver can be sent as much of it as its tile needs: in three sizes (simulcast),
// or as one stream of layers (SVC); and how much of that anybody needs. Pure.

// A camera in three sizes. A small picture has no smaller ones.
const sizes = [
  { rid: 'low', scaleResolutionDownBy: 4, maxBitrate: 150_000, maxFramerate: 30, scalabilityMode: 'L1T3' },
  { rid: 'middle', scaleResolutionDownBy: 2, maxBitrate: 500_000, maxFramerate: 30, scalabilityMode: 'L1T3' },
  { rid: 'high', maxBitrate: 1_500_000, maxFramerate: 30, scalabilityMode: 'L1T3' },
];
const small_width = 480;

/** `mode`: of SVC, as `L3T3_KEY`; without one, simulcast. */
export function encodingsFor(key, track, mode = null) {
  if (key === 'screen') return [{ maxBitrate: 2_500_000, maxFramerate: 15 }];
  if (key !== 'camera') return [{}];
  const { width = Infinity } = track?.getSettings?.() ?? {};
  if (width <= small_width) return [{ maxBitrate: 500_000, maxFramerate: 30 }];
  return mode ? [{ ...sizes.at(-1), rid: undefined, scalabilityMode: mode }] : sizes;
}

/** Whether a picture of that size is within a wish, either way round: 0 is any width or height. */
function isWithin([width, height], wish) {
  const within = (a, b) => (!wish.width || a <= wish.width) && (!wish.height || b <= wish.height);
  return within(width, height) || Boolean(wish.width && wish.height && within(height, width));
}

/** Which encodings somebody may be sent: those up to the largest that the wish allows; the smallest in any case. */
export function neededEncodings(encodings, { width, height }, wish) {
  const scales = encodings.map((encoding) => encoding.scaleResolutionDownBy ?? 1);
  const smallest = Math.max(...scales);
  return scales.map((scale) => scale === smallest || (!wish.paused && isWithin([width / scale, height / scale], wish)));
}

/** The same of the layers of one stream: its encoding with as many of the lowest spatial ones as are needed, each as large
 *  as it was among all. `mode` is the one with all of them. */
export function neededLayers(mode, { width, height }, wish) {
  const [, all, rest, suffix] = /^L(\d)(T\d)(.*)$/.exec(mode) ?? [null, 1, '', ''];
  let needed = 1;
  for (let layers = 2; layers <= all && !wish.paused; ++layers) {
    const scale = 2 ** (all - layers);
    if (isWithin([width / scale, height / scale], wish)) needed = layers;
  }
  const scale = 2 ** (all - needed);
  const { maxBitrate } = sizes.findLast((size) => (size.scaleResolutionDownBy ?? 1) >= scale) ?? sizes[0];
  return {
    scalabilityMode: needed === Number(all) ? mode : `L${needed}${rest}${needed > 1 ? suffix : ''}`,
    scaleResolutionDownBy: scale,
    maxBitrate,
  };
}
