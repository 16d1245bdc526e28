# SPDX-License-Identifier: MIT
#
# make -f gateway/cli/cli.mk, from the top: skerryctl. BUILD: where to (build/gateway).

BUILD ?= build/gateway
CC ?= gcc
Q ?= @
CLI_VERSION := $(shell sed -n 's/.*SKERRY_VERSION "\(.*\)"/\1/p' kernel/abi/version.h)
CLI_SOURCES := $(sort $(wildcard gateway/cli/*.c))
CLI_OBJECTS := $(CLI_SOURCES:gateway/%.c=$(BUILD)/%.o)
CLI_CFLAGS := -std=gnu17 -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -O2 -g -fPIE -fstack-protector-strong \
	-fstack-clash-protection -fcf-protection -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes \
	-Wvla -Werror -ffile-prefix-map=$(CURDIR)=. -I. -DSKERRY_VERSION='"$(CLI_VERSION)"'
CLI_LDFLAGS := -pie -Wl,-z,relro,-z,now

.PHONY: skerryctl
skerryctl: $(BUILD)/skerryctl

$(BUILD)/cli/%.o: gateway/cli/%.c gateway/cli/cli.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(CPPFLAGS) $(CLI_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
-include $(CLI_OBJECTS:.o=.d)

$(BUILD)/skerryctl: $(CLI_OBJECTS)
	@echo "  LD      $@"
	$(Q)$(CC) $(CLI_LDFLAGS) $(LDFLAGS) -o $@ $^ -lgnutls -ljansson
