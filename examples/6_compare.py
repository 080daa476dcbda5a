"""Is one run better than another, or is it chance? Usage: python examples/6_compare.py FOLDER FOLDER"""

import sys

import fashionlab as fl

comparison = fl.compare(sys.argv[1:3])
print(comparison.table)
pair = comparison.pairs[0]
print(f"{pair.second} less {pair.first}: {100 * pair.difference.estimate:+.2f} points "
      f"({100 * pair.difference.low:+.2f} to {100 * pair.difference.high:+.2f}), p = {pair.p:.3g}")
print(f"page: {comparison.page()}")
