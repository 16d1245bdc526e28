# SPDX-License-Identifier: MIT
# bash completion for skerryctl: commands, options, and the names of machines and tokens.

_skerryctl() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local words=() asked=() options i
	options='--host --socket --json --token-file --fingerprint --follow --read-only --take --force --to --level --vm
		--limit --since --scope --expires --role --user --overwrite --continue --help --version'
	COMPREPLY=()
	case $previous in
	--socket | --token-file)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--role)
		mapfile -t COMPREPLY < <(compgen -W 'viewer operator admin auditor console-read console-write' -- "$current")
		return
		;;
	--level)
		mapfile -t COMPREPLY < <(compgen -W 'error warning info debug' -- "$current")
		return
		;;
	--vm) ;;
	--host | --fingerprint | --limit | --since | --scope | --expires | --to | --user) return ;;
	esac
	# The words that are no options; the same server is asked for names.
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--host | --socket | --token-file | --fingerprint)
			asked+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
			((i++))
			;;
		--level | --vm | --limit | --since | --scope | --expires | --role | --to | --user) ((i++)) ;;
		-*) ;;
		*) words+=("${COMP_WORDS[i]}") ;;
		esac
	done
	if [[ $previous == --vm ]]; then
		words=(console)
	elif [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
		return
	fi
	local choices=
	case "${words[0]-} ${words[1]-}" in
	' ') choices='vm disk net console events log audit host token user login logout password' ;;
	'vm ') choices='list show start stop kill pause resume reset renew snapshot clone save restore
		backup balloon inspect digest create set destroy' ;;
	'host ') choices='audit log-rotate reboot poweroff' ;;
	'token ') choices='list create revoke' ;;
	'user ') choices='list create set password remove' ;;
	'disk ') choices='list restore' ;;
	'net ') choices='list' ;;
	'console '* | 'vm show' | 'vm start' | 'vm stop' | 'vm kill' | 'vm pause' | 'vm resume' | 'vm reset' | 'vm renew' | 'vm snapshot' | 'vm set' | 'vm destroy' | \
		'vm save' | 'vm restore' | 'vm backup' | 'vm balloon' | 'vm inspect' | 'vm digest')
		# Names have no blanks; nobody is asked anything: without a terminal and with a limit.
		local list=(vm list)
		[[ ${#words[@]} -eq 3 && ${words[1]} == @(save|restore) ]] && list=(disk list)
		[[ ${#words[@]} -eq 3 && ${words[1]} == @(balloon|inspect|digest) ]] && return
		choices=$(setsid -w timeout 2 "${COMP_WORDS[0]}" "${asked[@]}" "${list[@]}" </dev/null 2>/dev/null |
			awk 'NR > 1 && $1 ~ /^[A-Za-z0-9._-]+$/ { print $1 }')
		;;
	'user set' | 'user password' | 'user remove')
		choices=$(setsid -w timeout 2 "${COMP_WORDS[0]}" "${asked[@]}" user list </dev/null 2>/dev/null |
			awk 'NR > 1 && $1 ~ /^[A-Za-z0-9._-]+$/ { print $1 }')
		;;
	'token revoke')
		choices=$(setsid -w timeout 2 "${COMP_WORDS[0]}" "${asked[@]}" token list </dev/null 2>/dev/null |
			awk 'NR > 1 && $1 ~ /^[0-9]+$/ { print $1 }')
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
}
complete -F _skerryctl skerryctl
