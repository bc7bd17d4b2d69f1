# foreshot: what to type. All tests are built in one profile and one folder, so that PostgreSQL's parser is compiled once.

SHELL := /bin/bash
CARGO := cargo
RUN = source scripts/setup.sh && exec

ASK = $(RUN) $(CARGO) test --test agreement --
# over whole projects, with the program as it is shipped
ASK_MUCH = $(RUN) $(CARGO) test --release --test agreement --
# for corpus-diff: another foreshot, or a file that `SAVE=` wrote
AGAINST :=
SAVE :=
# for agreement-corpus and corpus-diff: only these packages
PACKAGES :=

# for fuzz: what, and for how many seconds
TARGET := python
TIME := 3600

.PHONY: integrations demo deny fuzz hostile test agreement agreement-matrix agreement-corpus fix-agreement corpus-diff clean

## runs foreshot over the example project
demo:
	@$(RUN) scripts/demo.sh

## the set-up, then every check and test
test:
	@$(RUN) scripts/test.sh

## the pages' examples, the measured tables and the example project on a real PostgreSQL (a part of `make test`)
agreement:
	@$(ASK) check

## the same on PostgreSQL 11, 14, 18 with SQLAlchemy 1.4, 2.0, 2.1 (half an hour)
agreement-matrix:
	@$(ASK) matrix

## foreshot's answers on public revisions against the server's: the table of the README (an hour the first time)
agreement-corpus:
	@$(ASK_MUCH) corpus $(PACKAGES)

## public revisions that `check --fix` repaired, on the server (`PACKAGES=optuna` for one of them)
fix-agreement:
	@$(ASK_MUCH) fixes $(PACKAGES)

## what a change adds to the findings on the public corpus, and takes away
corpus-diff:
	@$(ASK_MUCH) diff $(if $(AGAINST),--against $(AGAINST)) $(if $(SAVE),--save $(SAVE)) $(PACKAGES)

## the action, the hooks and the wheel with the tools that use them: linters, pip, pre-commit, prek
integrations:
	@bash scripts/integrations.sh

## hostile inputs at full size: time, memory and answer of each
hostile:
	@$(RUN) env FORESHOT_HOSTILE=table $(CARGO) test --release --test hostile -- every_hostile --nocapture

## looks for inputs that panic, hang or eat memory: `make fuzz TARGET=sql TIME=600`; targets are python, sql, config, suppressions, fixes
fuzz:
	@$(RUN) bash scripts/fuzz.sh $(TARGET) $(TIME)

## licences, sources and advisories of what is linked (needs cargo-deny; the advisories come from GitHub)
deny:
	@$(RUN) $(CARGO) deny --locked check

clean:
	$(CARGO) clean
