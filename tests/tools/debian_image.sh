#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Makes a disk image of Debian 12 as its installer would leave it for a PC with a BIOS: a DOS partition table, GRUB in
# the MBR, its menu and the kernel (that for VMs: its initramfs is made sooner) on an ext4 file system, no password for
# root. debian_image.sh FOLDER makes FOLDER/debian.img. As root, with mmdebstrap, fdisk, e2fsprogs and loop devices. The image's GRUB sees devices under
# names of their own, as grub-install knows what the names of partitions mean and asks for their disks in sysfs.
set -eu

mkdir -p "$1"
cd "$1"
rm -rf root debian.img
mmdebstrap --quiet --mode=root --variant=minbase --include=systemd-sysv,dbus,udev,linux-image-cloud-amd64,grub-pc,cloud-init,python3-cffi-backend bookworm root
echo '/dev/vda1 / ext4 defaults 0 1' >root/etc/fstab
echo debian >root/etc/hostname
sed -i 's/^root:[^:]*/root:/' root/etc/shadow
cat >>root/etc/default/grub <<END
GRUB_CMDLINE_LINUX="console=ttyS0"
GRUB_TERMINAL=console
GRUB_TIMEOUT=1
END
truncate -s 2G new.img
printf 'label: dos\nstart=2048, type=83, bootable\n' | sfdisk -q new.img
mke2fs -q -t ext4 -d root -E offset=1048576 new.img 2047M

disk=$(losetup -f --show new.img)
part=$(losetup -f --show -o 1048576 new.img)
mount -t tmpfs none root/dev
trap 'for at in mnt/sys mnt/proc mnt/dev mnt dev; do umount root/$at; done; losetup -d $part; losetup -d $disk' EXIT
mknod root/dev/null c 1 3
mknod root/dev/image b 7 "${disk#/dev/loop}"
mknod root/dev/rootfs b 7 "${part#/dev/loop}"
mkdir -p root/dev/disk/by-uuid
ln -s ../../rootfs "root/dev/disk/by-uuid/$(blkid -s UUID -o value "$part")"
chroot root mount /dev/rootfs /mnt
mount --bind root/dev root/mnt/dev
mount -t proc none root/mnt/proc
mount -t sysfs none root/mnt/sys
chroot root/mnt grub-install --target=i386-pc --modules=part_msdos /dev/image
chroot root/mnt update-grub
trap - EXIT
# Somebody else's process that looks around may be in there for a moment.
for at in mnt/sys mnt/proc mnt/dev mnt dev; do
	tries=0
	until umount root/$at; do
		tries=$((tries + 1))
		test $tries -lt 60 || exit 32
		sleep 1
	done
done
losetup -d "$part"
losetup -d "$disk"
rm -rf root
mv new.img debian.img
