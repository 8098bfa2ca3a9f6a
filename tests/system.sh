#!/bin/sh
# The parts of the system that the project stands on.
#
#   tests/system.sh python [NAME]    prints a Python of at least 3.11 that can make a virtual
#                                    environment; fails with the mend where there is none
#   tests/system.sh tests REPORT     gets what the tests use besides Python, and writes what it
#                                    could not get to REPORT, one "part<TAB>reason" a line
#
# With apt-get, and as root or with a sudo that asks no password, missing packages are installed;
# BRIEFING_INSTALL=no forbids it. Nothing that is installed here is started or enabled as a
# service. The second form never fails: a test that misses its part is skipped with the reason.
set -u

parts="postgresql chromium smtp-sink dovecot spamassassin opendkim mail-dkim fonts node"

packages_of() {
    case $1 in
        chromium) echo chromium libatomic1 ;;  # the driver of Playwright needs the library
        fonts) echo fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji ;;
        node) echo nodejs npm ;;
        smtp-sink) echo postfix ;;
        dovecot) echo dovecot-imapd ;;
        mail-dkim) echo libmail-dkim-perl ;;
        *) echo "$1" ;;
    esac
}

found() { command -v "$1" >/dev/null 2>&1; }

# Whether one of the files is there; unmatched patterns stay as they are and are not.
any_file() {
    for file in "$@"; do [ -e "$file" ] && return; done
    return 1
}

have() {
    case $1 in
        postgresql) found initdb || any_file /usr/lib/postgresql/*/bin/initdb ;;
        chromium)
            { found chromium || found chromium-browser || found google-chrome; } &&
                any_file /usr/lib/*/libatomic.so.1 /usr/lib*/libatomic.so.1 ;;
        smtp-sink) found smtp-sink || any_file /usr/sbin/smtp-sink ;;  # smtp-source comes with it
        dovecot) found dovecot || any_file /usr/sbin/dovecot ;;
        spamassassin) found spamassassin ;;
        opendkim) found opendkim || any_file /usr/sbin/opendkim ;;
        mail-dkim) found perl && perl -MMail::DKIM -e 1 2>/dev/null ;;
        fonts) have_font "Noto Sans" && have_font "Noto Sans CJK JP" && have_font "Noto Color Emoji" ;;
        node) found node && found npm ;;
    esac
}

have_font() {
    if found fc-list; then
        [ -n "$(fc-list ":family=$1" family 2>/dev/null)" ]
        return
    fi
    case $1 in  # where Debian puts them
        *CJK*) any_file /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc ;;
        *Emoji*) any_file /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf ;;
        *) any_file /usr/share/fonts/truetype/noto/NotoSans-Regular.* ;;
    esac
}

# Sets $obstacle to why nothing can be installed, or to nothing, and $sudo to what goes before.
look_for_obstacle() {
    obstacle='' sudo=''
    if [ "${BRIEFING_INSTALL:-yes}" = no ]; then
        obstacle="BRIEFING_INSTALL=no forbids installing it"
    elif ! found apt-get; then
        obstacle="there is no apt-get here to install it with"
    elif [ "$(id -u)" -ne 0 ]; then
        sudo="sudo -n"
        $sudo true 2>/dev/null || obstacle="only root may install it"
    fi
}

# Packages that bring a daemon would start it; 101 tells their scripts not to. A machine that has
# such a policy of its own keeps it.
policy=/usr/sbin/policy-rc.d
made_policy=''
forbid_daemons() {
    [ -e "$policy" ] && return
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null && $sudo chmod 755 "$policy" &&
        made_policy=yes
}
allow_daemons() {
    [ -n "$made_policy" ] && $sudo rm -f "$policy"
    made_policy=''
}
# shellcheck disable=SC2329  # called by the trap
leave() { allow_daemons; rm -f "$log" "$draft"; }

disable_daemons() {  # nor may they start with the next boot
    for package in "$@"; do
        case $package in
            postgresql | postfix | opendkim) $sudo update-rc.d "$package" disable >/dev/null 2>&1 ;;
            dovecot-imapd) $sudo update-rc.d dovecot disable >/dev/null 2>&1 ;;
        esac
    done
}

# --no-remove: postfix would otherwise put out the mail system that a machine has.
install() {
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends --no-remove \
        -o DPkg::Lock::Timeout=120 install "$@" </dev/null >"$log" 2>&1
}

update_lists() {
    echo "system parts: reading the package lists" >&2
    $sudo apt-get -qq -o DPkg::Lock::Timeout=120 update </dev/null >"$log" 2>&1
}

last_words() { grep -E '^(E|Err|W):' "$log" | tail -n 1 | cut -c 1-200; }

get_parts() {
    missing=''
    for part in $parts; do have "$part" || missing="$missing $part"; done
    if [ -n "$missing" ]; then
        look_for_obstacle
        [ -n "$obstacle" ] || update_lists ||
            echo "system parts: the package lists cannot be read: $(last_words)" >&2
        [ -n "$obstacle" ] || forbid_daemons
        for part in $missing; do get_part "$part"; done
        allow_daemons
    fi
}

get_part() {
    if [ -n "$obstacle" ]; then
        lack "$1" "$obstacle (packages: $(packages_of "$1"))"
        return
    fi
    echo "system parts: installing $(packages_of "$1")" >&2
    if [ "$1" = smtp-sink ]; then
        # smtp-sink needs no mail system; without this answer one would be set up.
        echo "postfix postfix/main_mailer_type select No configuration" |
            $sudo debconf-set-selections
    fi
    # shellcheck disable=SC2046  # several packages, one argument each
    if ! install $(packages_of "$1"); then
        lack "$1" "apt-get could not install $(packages_of "$1"): $(last_words)"
    elif ! have "$1"; then
        lack "$1" "$(packages_of "$1") is installed but does not bring it"
    fi
    # shellcheck disable=SC2046
    disable_daemons $(packages_of "$1")
}

# The tools that come from npm; what is installed already is known by its lock file.
get_tools() {
    installed=tests/tools/node_modules/.installed.json
    cmp -s tests/tools/package-lock.json "$installed" && return
    if ! have node; then
        lack tools "node and npm are missing"
    elif [ "${BRIEFING_INSTALL:-yes}" = no ]; then
        lack tools "BRIEFING_INSTALL=no forbids installing it"
    else
        echo "system parts: installing html-validate and axe-core" >&2
        if npm ci --prefix tests/tools --ignore-scripts --no-audit --no-fund --loglevel=error \
            </dev/null >"$log" 2>&1; then
            cp tests/tools/package-lock.json "$installed"
        else
            lack tools "npm ci failed: $(grep -v '^ *$' "$log" | head -n 1 | cut -c 1-200)"
        fi
    fi
}

# The bounces that flufl.bounce is tested with are in its source package alone; $1 is the folder
# for it, in the environment whose Python has the package installed.
get_samples() {
    python=$(dirname "$1")/bin/python
    [ -x "$python" ] || return
    any_file "$1"/flufl*.tar.gz && return
    if [ "${BRIEFING_INSTALL:-yes}" = no ]; then
        lack bounce-samples "BRIEFING_INSTALL=no forbids getting them"
        return
    fi
    echo "system parts: getting the samples of flufl.bounce" >&2
    wanted=$("$python" -c 'from importlib.metadata import version; print(version("flufl.bounce"))')
    "$python" -m pip download --quiet --no-deps --no-binary :all: --no-build-isolation \
        --dest "$1" "flufl.bounce==$wanted" </dev/null >"$log" 2>&1 ||
        lack bounce-samples "pip could not get them: $(grep -v '^ *$' "$log" | tail -n 1 | cut -c 1-200)"
}

lack() {
    printf '%s\t%s\n' "$1" "$2" >>"$draft"
    echo "system parts: no $1: $2" >&2
}

can_make_environments() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for python in ${1:-python3 python3.14 python3.13 python3.12 python3.11}; do
        can_make_environments "$python" && echo "$python" && return
    done
    return 1
}

get_python() {
    find_python "$@" && return
    look_for_obstacle
    if [ -z "$obstacle" ] && [ $# -eq 0 ]; then
        echo "system parts: installing python3-venv" >&2
        update_lists
        install python3 python3-venv
        find_python && return
    fi
    cat >&2 <<MEND
There is no Python of at least 3.11 here that can make a virtual environment (tried: ${1:-python3, python3.14 to python3.11}).
  → Install one, on Debian or Ubuntu with: apt-get install python3 python3-venv
    or name one that is not on the PATH: make PYTHON=/path/to/python3.12
MEND
    return 1
}

what=${1:-} log=$(mktemp) draft=$(mktemp)
trap leave EXIT
trap 'exit 130' INT TERM
case $what in
    python) shift; get_python "$@" ;;
    tests)
        get_parts
        get_tools
        get_samples "$(dirname "${2:?where the report goes}")/bounce-samples"
        cat "$draft" >"$2" ;;
    *) sed -n '2,/^set/{/^#/p}' "$0" >&2; exit 2 ;;
esac
