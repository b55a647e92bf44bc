"""Writers racing on one chain: this package's beside the plain reference (`plainappend`), and the proof at the end.

`figures` are values and pure functions; `racer` is what each process of writers runs; `course` starts the processes,
gathers what they tell, and verifies.
"""
