//! Operations through the interpreter, against the simulated server.
