# pg_tenancy: the module and its install script, built with PGXS.  (CMakeLists.txt: core tests, fuzzers, benchmarks.)
#
#   make [CXX=clang++-14] [WARNINGS=1] [WERROR=1] [FAULTS=1] [UBSAN=1] [ASAN=1] [PG_CONFIG=...]
#   make install           needs the rights to write to PostgreSQL's folders
#   make installcheck      SQL, isolation and TAP tests against a running server that has the extension installed
#   make demo              a throw-away server with example data; installs missing Debian packages
#   make check             every test whose packages are there; reports the missing ones (scripts/check.sh installs them)
#   make check-long        random worlds, queries and attacks for an hour or so
#   make dist              source archives of HEAD, with the META.json that PGXN wants
#   make deb               Debian packages; scripts/package.sh also installs what building them needs
#
# To build in another folder (a VPATH build), from a source folder without objects:
#
#   make -f SOURCE/Makefile

EXTENSION  = pg_tenancy
MODULE_big = pg_tenancy

# The folder of the sources, which is not the current one in a VPATH build.  Prerequisites are found there by VPATH,
# but wildcards and commands need the path.
SOURCE := $(if $(VPATH),$(VPATH),$(patsubst %/,%,$(dir $(firstword $(MAKEFILE_LIST)))))
sources = $(patsubst $(SOURCE)/%,%,$(wildcard $(addprefix $(SOURCE)/,$(1))))

# The control file is the only place that names the version.
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(SOURCE)/$(EXTENSION).control)

# These have to work before anything is installed, so they come before PGXS (which has a `check` of its own).
STANDALONE := demo check check-long dist deb META.json
ifneq (,$(filter $(STANDALONE),$(MAKECMDGOALS)))

.PHONY: $(STANDALONE)
demo:
	bash $(SOURCE)/scripts/demo.sh
check:
	INSTALL_PACKAGES=no bash $(SOURCE)/scripts/check.sh
check-long:
	INSTALL_PACKAGES=no LONG=1 bash $(SOURCE)/scripts/check.sh worlds differential sqlsmith attacks ubsan
deb:
	INSTALL_PACKAGES=no bash $(SOURCE)/scripts/package.sh

# PGXN wants three numbers.
DISTVERSION := $(shell echo $(EXTVERSION).0.0 | cut -d. -f1-3)
COMMENT     := $(shell sed -n "s/^comment *= *'\(.*\)'/\1/p" $(SOURCE)/$(EXTENSION).control)
OUTPUT      := $(abspath $(SOURCE))/build
DIST         = $(OUTPUT)/$(EXTENSION)-$(DISTVERSION)
META.json:
	@mkdir -p $(OUTPUT)
	sed 's/@VERSION@/$(DISTVERSION)/; s/@COMMENT@/$(COMMENT)/' $(SOURCE)/META.json.in > $(OUTPUT)/META.json
dist: META.json
	for format in zip tar.gz; do \
	  git -C $(SOURCE) -c safe.directory='*' archive --format=$$format --prefix=$(EXTENSION)-$(DISTVERSION)/ --add-file=$(OUTPUT)/META.json \
	    --output=$(DIST).$$format HEAD || exit 1; \
	done

else

# The core's folders and, one level deep, those of the bridge.
OBJS = $(patsubst %.cpp,%.o,$(sort $(call sources,src/core/*.cpp src/core/*/*.cpp src/pg/*.cpp src/pg/*/*.cpp)))

TESTING              = pg_tenancy_testing
INSTALL_SCRIPT_PARTS = $(sort $(call sources,extension/[0-9][0-9]_*.sql))
DATA_built = $(EXTENSION)--$(EXTVERSION).sql
# What earlier versions installed, and how to get from there to this one.  CONTRIBUTING.md says how they come here.
# Each folder extension/updates/OLD--NEW makes one script, see extension/updates/generate.pl.
UPDATE_STEPS = $(patsubst extension/updates/%/,%,$(filter %/,$(call sources,extension/updates/*/)))
UPDATES      = $(call sources,extension/updates/*.sql)
UPDATES_built = $(foreach step,$(UPDATE_STEPS),$(EXTENSION)--$(step).sql $(TESTING)--$(step).sql)
DATA_built  += $(UPDATES_built)
DATA         = $(UPDATES) $(filter-out $(addprefix %/,$(DATA_built)),$(call sources,extension/released/*.sql))

# A second extension, in SQL alone, for users' tests.
# Superusers run what is in its schema as well.
TESTING_PARTS  = extension/10_schema_closed.sql $(sort $(call sources,extension/testing/[0-9][0-9]_*.sql))
DATA_built    += $(TESTING)--$(EXTVERSION).sql
DATA          += $(TESTING).control

DOCS = $(filter-out docs/README.md docs/%.in.md,$(call sources,docs/*.md))

# Immediate (:=), since PGXS asks whether these are empty before it expands them.
REGRESS       := $(patsubst sql/%.sql,%,$(sort $(call sources,sql/*.sql)))
REGRESS_OPTS   = --load-extension=$(EXTENSION)
ISOLATION     := $(patsubst test/isolation/specs/%.spec,%,$(sort $(call sources,test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=$(SOURCE)/test/isolation --load-extension=$(EXTENSION)
PROVE_TESTS   := $(sort $(call sources,test/tap/*.pl))
TAP_TESTS     := $(if $(PROVE_TESTS),1)

PG_CONFIG ?= pg_config

# Server headers as system headers: they are not ours to warn about, and clang rejects their `register` otherwise.
# gnu++20, not c++20: the server's copyObject() needs typeof.
PG_CPPFLAGS = -I$(SOURCE)/src -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CXXFLAGS = -std=gnu++20
# The server's flags are gcc's; clang does not know all of them.
PG_CXXFLAGS += $(if $(findstring clang,$(CXX)),-Wno-unknown-warning-option)
# Distributions build PGXS without dependency tracking.
PG_CXXFLAGS += -MMD -MP

# libcrypto verifies tokens' signatures. Anything not named in exports.map stays inside the module.
SHLIB_LINK = -lcrypto -Wl,--version-script=$(SOURCE)/exports.map

# Beyond the server's own warnings; for developers, not for whoever builds a release with a compiler of the future.
ifneq (,$(WARNINGS)$(WERROR))
PG_CXXFLAGS += -Wall -Wextra -Wshadow
endif
ifdef WERROR
PG_CXXFLAGS += -Werror
endif
ifdef FAULTS
PG_CPPFLAGS += -DPG_TENANCY_FAULT_INJECTION
endif
ifdef UBSAN
PG_CXXFLAGS += -fsanitize=undefined -fno-sanitize-recover=all
endif
ifdef ASAN
PG_CXXFLAGS += -fsanitize=address -fno-omit-frame-pointer
endif

EXTRA_CLEAN = $(OBJS:.o=.d) .build-flags .versions $(EXTENSION)--*.sql $(TESTING)--*.sql

# PGXS compiles bitcode without our C++ flags, and inlining gains nothing for functions with landing pads.
override with_llvm := no
# Link as C++ (PGXS would link with the C compiler).
override COMPILER = $(CXX) $(CXXFLAGS)

PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq ($(PGXS),)
$(error "$(PG_CONFIG)" does not run: install the PostgreSQL server development package, or set PG_CONFIG)
endif
include $(PGXS)

ifeq ($(filter 15 16 17 18 19,$(MAJORVERSION)),)
$(error pg_tenancy needs PostgreSQL 15, 16, 17, 18 or 19, and $(PG_CONFIG) is of $(MAJORVERSION))
endif

PROVE_FLAGS += -I test/tap/lib

# Names like operations.md are other extensions' too; PGXS installs all documentation into one folder.
docmoduledir := $(docmoduledir)/$(EXTENSION)

$(EXTENSION)--$(EXTVERSION).sql: $(INSTALL_SCRIPT_PARTS) $(EXTENSION).control
	cat $(addprefix $(SOURCE)/,$(INSTALL_SCRIPT_PARTS)) > $@

$(TESTING)--$(EXTVERSION).sql: $(TESTING_PARTS) $(TESTING).control
	cat $(addprefix $(SOURCE)/,$(TESTING_PARTS)) > $@

# The script of a released version is kept; that of the present one is being built.
script_of = $(firstword $(wildcard $(SOURCE)/extension/released/$(1)--$(2).sql) $(1)--$(2).sql)
old_of = $(firstword $(subst --, ,$(1)))
new_of = $(lastword $(subst --, ,$(1)))
define update_rules
$(1)--$(2).sql: extension/updates/generate.pl $(call script_of,$(1),$(call old_of,$(2))) $(call script_of,$(1),$(call new_of,$(2))) $(call sources,extension/updates/$(2)/*.sql)
	perl $(SOURCE)/extension/updates/generate.pl $(1) $(call script_of,$(1),$(call old_of,$(2))) $(call script_of,$(1),$(call new_of,$(2))) $(SOURCE)/extension/updates/$(2) > $$@.new
	mv $$@.new $$@
endef
$(foreach step,$(UPDATE_STEPS),$(foreach extension,$(EXTENSION) $(TESTING),$(eval $(call update_rules,$(extension),$(step)))))

$(MODULE_big)$(DLSUFFIX): exports.map

# The module serves its own version of the extension, and each that an update leads on from: the OLD of
# updates/pg_tenancy--OLD--NEW.sql.  It works with these until ALTER EXTENSION has been run.
comma := ,
OLD_VERSIONS    = $(foreach update,$(filter $(EXTENSION)--%,$(notdir $(UPDATES) $(UPDATES_built))),$(word 2,$(subst --, ,$(update))))
SERVED_VERSIONS = $(subst $() ,$(comma),$(foreach version,$(sort $(EXTVERSION) $(OLD_VERSIONS)),"$(version)"))
VERSION_OBJS    = $(filter %/module.o %/extension_version.o,$(OBJS))
$(VERSION_OBJS): override CPPFLAGS += -DPG_TENANCY_VERSION='"$(EXTVERSION)"' -DPG_TENANCY_SERVED_VERSIONS='$(SERVED_VERSIONS)'
$(VERSION_OBJS): .versions
.versions: FORCE
	@echo '$(EXTVERSION): $(SERVED_VERSIONS)' | cmp -s - $@ || echo '$(EXTVERSION): $(SERVED_VERSIONS)' > $@

# PGXS compiles into folders that exist; in a VPATH build they do not yet.
ifneq ($(SOURCE),.)
$(shell mkdir -p $(sort $(dir $(OBJS))))
endif

# Objects of another compiler or variant are stale: this file changes when the flags do.
$(OBJS): .build-flags
.build-flags: FORCE
	@echo '$(CXX) $(CXXFLAGS) $(CPPFLAGS)' | cmp -s - $@ || echo '$(CXX) $(CXXFLAGS) $(CPPFLAGS)' > $@
.PHONY: FORCE
FORCE:

-include $(OBJS:.o=.d)

endif
