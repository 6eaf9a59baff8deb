# Each target prepares what it needs, once, and nothing else: `make demo` installs neither the CDK nor Node packages.
# A fresh machine needs Python >= 3.11 with venv, make and, for the stack, Node >= 20.

.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CDK := infra/node_modules/.bin/cdk
LOCK := requirements.lock
C7N_LOCK := tests/bench/custodian/requirements.lock
# Settings that turn on everything the stack can have.
WHOLE := -c officeHours.noticeMinutes=30 -c officeHours.slackWorkspace=T012ABCDE -c officeHours.slackChannel=C012ABCDE
# What stands in for secrets: emulated and simulated accounts take anything.
NO_SECRETS := active|bench|cluster-[A-Z]+|local|not-a-secret|only-emulated|(only )?simulated|testing

# A tag may contain anything, so it is passed in the environment, unexpanded, and never on a command line.
override TAG := $(value TAG)
export TAG
# The deployed modules, and the ones that deploy and demonstrate them.
export PYTHONPATH := lambda:infra
# Keep the CDK's command line off the network, and silence its warnings about this machine's Node and its advice to
# upgrade: package-lock.json says which version is right, and it isn't the newest.
export CDK_DISABLE_CLI_TELEMETRY := true
export CDK_DISABLE_VERSION_CHECK := 1
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1
export JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION := 1
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20,21,22,23

.PHONY: help
help: ## List the targets
	@echo "make <target>:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'ARGS="..." passes arguments on: make test ARGS="-k hold", make deploy ARGS="-c officeHours.everyMinutes=1"'

.PHONY: demo
demo: $(VENV)/.demo ## Watch a simulated week of office hours; TAG="mon-fri 08:00-18:00 Europe/Berlin" adds your own tag
	@$(BIN)/python -m demo

.PHONY: explain
explain: $(VENV)/.demo ## Say what a tag means: make explain TAG="mon-fri 08:00-18:00 Europe/Berlin"
	@$(BIN)/python -m tools.explain

.PHONY: suggest
suggest: $(VENV)/.demo ## Say what office hours would save, before you deploy anything; DEMO=1 uses a simulated account
	@$(BIN)/python -m tools.suggest

.PHONY: local
local: $(VENV)/.infra $(VENV)/.local infra/node_modules/.ready ## Watch the deployed stack at work on an emulated account; SECONDS=90 ends it after 90 s
	@$(BIN)/python -m local $(SECONDS)

# All tests run in parallel, each file in one process, the slowest files first, so that none runs alone at the end. Tests
# chosen with ARGS run one after another.
LONGEST := end_to_end demo suggest preview permissions
.PHONY: test
test: $(VENV)/.test infra/node_modules/.ready ## Run every test
	@$(BIN)/python -m pytest $(or $(ARGS),--numprocesses=3 --dist=loadfile --no-loadscope-reorder \
		$(LONGEST:%=tests/test_%.py) tests)

ORGANIZATION := {"units": ["ou-ab12-34cd56ef"], "members": {"dashboard": true, "alarms": true}}
.PHONY: lint
lint: $(VENV)/.lint infra/node_modules/.ready ## Check style, types, complexity, templates (cdk-nag, cfn-lint), and for secrets
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@# No function above 15: radon's rank C begins at 11.
	! $(BIN)/radon cc --show-complexity --min C --ignore node_modules lambda infra | grep -E '^ +[FM] .*\((1[6-9]|[2-9].|...+)\)'
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --no-verify --exclude-secrets '^($(NO_SECRETS))$$'
	$(CDK) synth --quiet $(WHOLE)
	@# The organization's stack, and a member's with everything that it can have.
	$(CDK) synth --quiet --output cdk.out/organization --context 'officeHours.organization=$(ORGANIZATION)'
	@# W3005: the CDK says explicitly that a function depends on its role, although it refers to it as well.
	$(BIN)/cfn-lint --non-zero-exit-code warning --ignore-checks W3005 -- cdk.out/*.template.json cdk.out/organization/*.template.json

# Not part of `lint`, which gives the same result with or without a network: new advisories come every day.
.PHONY: audit
audit: $(VENV)/.audit infra/node_modules/.ready ## Look for known vulnerabilities in what is deployed, and in what builds and tests it
	@status=0; \
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement $(LOCK) || status=1; \
	npm audit --prefix infra || status=1; \
	exit $$status

.PHONY: format
format: $(VENV)/.lint ## Format the code
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

.PHONY: synth
synth: $(VENV)/.infra infra/node_modules/.ready ## Write the CloudFormation template and the package to cdk.out
	$(CDK) synth --quiet $(ARGS)
	@echo "cdk.out/AuroraOfficeHours.template.json"

.PHONY: package
package: $(VENV)/.infra ## Build the package and its bill of materials, and measure its size and how fast it imports
	@$(BIN)/python -m tools.measure_package

.PHONY: bill
bill: $(VENV)/.test infra/node_modules/.ready ## Measure what the functions use, and compute what they cost a month
	@$(BIN)/python -m pytest -q -s tests/measure_bill.py

.PHONY: bench
bench: export PYTHONPATH := lambda:infra:tests
bench: $(VENV)/.bench build/c7n/.ready ## Measure the speed, and write it to tests/bench/README.md; ARGS=--quick takes 2 minutes and writes nothing
	@$(BIN)/python -m bench $(ARGS)

.PHONY: deploy
deploy: $(VENV)/.infra infra/node_modules/.ready ## Deploy to the account and Region that AWS_PROFILE and AWS_REGION choose
	@$(BIN)/python infra/prepare_account.py $(ARGS)
	$(CDK) deploy AuroraOfficeHours $(ARGS)
	@$(BIN)/python infra/console_events.py store $(ARGS)

.PHONY: destroy
destroy: $(VENV)/.infra infra/node_modules/.ready ## Remove the stack and everything that belongs to it
	$(CDK) destroy AuroraOfficeHours $(ARGS)
	@$(BIN)/python infra/console_events.py remove $(ARGS)

.PHONY: deploy-organization
deploy-organization: $(VENV)/.infra infra/node_modules/.ready ## Deploy to this account, and to those in the units of the setting organization
	@parameters=$$($(BIN)/python infra/rollout.py prepare $(ARGS)) && \
	$(BIN)/python infra/prepare_account.py $(ARGS) && \
	$(CDK) deploy AuroraOfficeHours AuroraOfficeHoursOrganization $$parameters $(ARGS)
	@$(BIN)/python infra/console_events.py store $(ARGS)
	@$(BIN)/python infra/rollout.py report $(ARGS)

.PHONY: destroy-organization
destroy-organization: $(VENV)/.infra infra/node_modules/.ready ## Remove the other accounts' stacks, and keep this account's own
	$(CDK) destroy AuroraOfficeHoursOrganization $(ARGS)

.PHONY: template
template: $(VENV)/.infra ## Upload the package to BUCKET, and write a template that needs no CDK: make template BUCKET=...
	@$(BIN)/python -m tools.template "$(BUCKET)" $(ARGS)

# Locks versions and hashes, but not the hosts that they came from.
COMPILE = $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links

.PHONY: lock
lock: $(VENV)/.uv ## Update the lock files to the newest versions allowed
	$(COMPILE) pyproject.toml --group lint --group audit --output-file $(LOCK)
	$(COMPILE) --group custodian --output-file $(C7N_LOCK)
	cd infra && npm install --package-lock-only

.PHONY: clean
clean: ## Remove everything that was made here, including the environments
	rm -rf $(VENV) infra/node_modules cdk.out build .pytest_cache .mypy_cache .ruff_cache .hypothesis

# --- Preparation. A stamp says that a group of dependencies is in place. Groups only ever add to the environment: their
# --- versions come from one lock, so none can remove what another needs.

$(VENV)/.audit $(VENV)/.bench $(VENV)/.demo $(VENV)/.infra $(VENV)/.local $(VENV)/.test $(VENV)/.lint: \
		$(VENV)/.%: $(VENV)/.uv pyproject.toml
	@echo "Preparing $(VENV) for: $*"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --constraints $(LOCK) \
		--requirements pyproject.toml --group $*
	@touch $@

# pip installs uv itself, with the lock's version and hash.
$(VENV)/.uv: $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: PYTHON=<path> make ...")'
	@echo "Preparing $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' $(LOCK) > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(VENV)/uv.txt
	@touch $@

# Cloud Custodian brings its own boto3, so it gets its own environment.
build/c7n/.ready: $(C7N_LOCK) | $(VENV)/.uv
	@echo "Preparing build/c7n"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/c7n
	@$(BIN)/uv pip install --quiet --python build/c7n/bin/python --require-hashes --requirements $(C7N_LOCK)
	@touch $@

infra/node_modules/.ready: infra/package-lock.json infra/package.json
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' || { echo "Node 20 or newer is needed." >&2; exit 1; }
	@echo "Preparing infra/node_modules"
	@cd infra && npm ci --silent
	@touch $@
