// What numpy and Python have and JavaScript lacks.

/** Python's round: a half goes to the even neighbour. */
export function evenRound(value) {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

/** The middle one. */
export function median(values) {
  return percentile(values, 50);
}

/** As numpy's: between the two nearest values in a straight line. */
export function percentile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const place = ((sorted.length - 1) * share) / 100;
  const below = Math.floor(place);
  return sorted[below] + (place - below) * (sorted[Math.min(below + 1, sorted.length - 1)] - sorted[below]);
}

/** Gauss's elimination of [n][n + m], of a matrix that is positive definite: [n][m]. */
export function solve(rows) {
  const n = rows.length;
  for (let pivot = 0; pivot < n; pivot++) {
    rows[pivot] = rows[pivot].map((value) => value / rows[pivot][pivot]);
    for (let row = 0; row < n; row++) {
      const factor = rows[row][pivot];
      if (row !== pivot) rows[row] = rows[row].map((value, column) => value - factor * rows[pivot][column]);
    }
  }
  return rows.map((row) => row.slice(n));
}
