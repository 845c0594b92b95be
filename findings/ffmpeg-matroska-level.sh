#!/usr/bin/env bash
# ffprobe shows a Matroska genre whose Tag names its level in a word (TargetType, which the format recommends beside the number) as
# "TRACK/GENRE" and none as GENRE; and of several genres, of whatever level, the one that stands last in the file.
# Needs ffmpeg and mkvtoolnix (Debian: ffmpeg, mkvtoolnix). Exit: 0 as described, 1 it behaves otherwise now.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ffmpeg -nostdin -v error -f lavfi -i sine=440:d=1 -c:a flac sound.mka
ffprobe -version | head -1
mkvpropedit --version
status=0
tag() { # level, word, genre
    local word=${2:+<TargetType>$2</TargetType>}
    printf '<Tag><Targets><TargetTypeValue>%s</TargetTypeValue>%s</Targets>' "$1" "$word"
    printf '<Simple><Name>GENRE</Name><String>%s</String></Simple></Tag>' "$3"
}
expect() { # what it is, tags, expected
    cp sound.mka tagged.mka
    printf '<Tags>%s</Tags>' "$2" >tags.xml
    mkvpropedit -q tagged.mka --tags global:tags.xml
    local shown
    shown=$(ffprobe -v error -show_entries format_tags -of flat tagged.mka | grep -a 'GENRE' || true)
    echo "$1: $shown"
    [ "$shown" = "$3" ] || status=1
}
expect "level 30" "$(tag 30 "" Folk)" 'format.tags.GENRE="Folk"'
expect "level 30, TRACK" "$(tag 30 TRACK Folk)" 'format.tags.TRACK_GENRE="Folk"'
expect "track, then album" "$(tag 30 "" Folk)$(tag 50 "" Pop)" 'format.tags.GENRE="Pop"'
expect "album, then track" "$(tag 50 "" Pop)$(tag 30 "" Folk)" 'format.tags.GENRE="Folk"'
exit $status
