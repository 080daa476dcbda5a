"""Ask a run about pictures, then export it and ask the artifact. Usage: ... FOLDER PICTURE... (needs `export`)"""

import sys

import fashionlab as fl

run = fl.load(sys.argv[1])
for answer in run.predict(sys.argv[2:]):
    print(f"{answer.file}: {answer.label}, {answer.probability:.1%}")

shipped = run.export(run.path / "garments.zip")  # answers without PyTorch
for answer in shipped.predict(sys.argv[2:]):
    print(f"{answer.file}: {answer.label}, {answer.probability:.1%}, one of {', '.join(answer.set) or 'none'}"
          f"{', unlike the training pictures' if answer.outlier else ''}")
