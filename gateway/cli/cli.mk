# SPDX-License-Identifier: MIT
#
# skerryctl, and packages of it and of skerryd: part of gateway/Makefile.

CLI_SOURCES := $(sort $(wildcard $(ROOT)/gateway/cli/*.c))
CLI_OBJECTS := $(CLI_SOURCES:$(ROOT)/gateway/%.c=$(BUILD)/%.o)
CLI_LIBRARIES := gnutls jansson
SKERRY_VERSION := $(shell sed -n 's/.*SKERRY_VERSION "\(.*\)"/\1/p' $(ROOT)/kernel/abi/version.h)

.PHONY: deb
all: $(BUILD)/skerryctl

$(BUILD)/cli/main.o: CPPFLAGS += -DSKERRY_VERSION='"$(SKERRY_VERSION)"'
$(BUILD)/skerryctl: $(CLI_OBJECTS)
	@$(if $(VERBOSE),,echo "  LD      $@")
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(GATEWAY_LDFLAGS) -o $@ $(CLI_OBJECTS) \
		$$(pkg-config --libs $(CLI_LIBRARIES))

-include $(CLI_OBJECTS:.o=.d)

install: install-cli
.PHONY: install-cli
install-cli: $(BUILD)/skerryctl
	install -D -m 755 $< $(DESTDIR)$(PREFIX)/bin/skerryctl
	install -D -m 644 $(ROOT)/gateway/cli/skerryctl.1 $(DESTDIR)$(PREFIX)/share/man/man1/skerryctl.1
	install -D -m 644 $(ROOT)/gateway/cli/skerryd.8 $(DESTDIR)$(PREFIX)/share/man/man8/skerryd.8
	install -D -m 644 $(ROOT)/gateway/cli/skerryctl.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/skerryctl

deb:
	$(Q)cd $(ROOT) && gateway/debian/make.sh $(BUILD)/deb
