"""What autoencoders learn from: benchmarks drawn at random, loops of pictures, and the order that pictures show.

May import ``runtime``. ``seeds`` draws every random number of the package from named streams.
"""

from latentsep.data.benchmarks import Benchmark, ExtendedBenchmark, embed, regular_phases
from latentsep.data.loops import Loops

__all__ = ["Benchmark", "ExtendedBenchmark", "Loops", "embed", "regular_phases"]
