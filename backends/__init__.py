"""The docks: how each system is spoken to.

`ports` says what may be asked, by role; `capabilities` what a system can do;
`transport` is the seam every call passes, `wire` what carries it. Each system has
one file, in the folder of its kind; systems that share a dialect share that.
`sandbox` is a simulated distributor of three real HTTP servers.
"""
