// What is remembered between visits. A browser may forbid storage: then nothing is remembered, and nothing breaks.

export const preferences = {
  get(key, fallback) {
    try {
      return localStorage.getItem(`penstock.${key}`) ?? fallback;
    } catch {
      return fallback;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`penstock.${key}`, value);
    } catch {
      // not remembered
    }
  },
};

/** A token from the address goes out of it (addresses get copied and logged) and lives as long as the tab. */
export function takeToken(parameters) {
  try {
    if (parameters.has('token')) sessionStorage.setItem('penstock.token', parameters.get('token'));
    return sessionStorage.getItem('penstock.token') ?? '';
  } catch {
    return parameters.get('token') ?? '';
  }
}
