# foreshot: what to type. Everything is built in one profile and one folder, so that PostgreSQL's parser is compiled once.

SHELL := /bin/bash
CARGO := cargo
PROFILE := --release
RUN = source scripts/setup.sh && exec

.PHONY: demo test check agreement clean

## runs foreshot over the example project
demo:
	@$(RUN) scripts/demo.sh

## the set-up, then every check and test
test:
	@$(RUN) scripts/test.sh

## the example project's pages against a real PostgreSQL (installs one if there is none)
agreement:
	@bash scripts/agreement.sh

clean:
	$(CARGO) clean
