"""The workloads of the gateway, and the peers it is held against: `make bench`.

In reading order: `questions` says what is asked; `recording` takes the answers of the
sandbox once; `upstream` serves them as bytes; `gateway` and `peers` are the servers;
`servers` starts them, each on its own core; `load` asks them; `executor` measures the
executor alone; `results` compares and prints.
"""
