#!/usr/bin/env bash
# Makes what a trial of two regions on one machine needs, in the folder DIR (default: trial beside this script): a CA, a
# certificate for the NATS servers, and the key that tokens are signed with. What is there already stays.
#
#   bash packaging/relay/trial.sh [DIR]
#
# For a trial alone: every key is readable to everybody, for the containers' user must read them.
set -euo pipefail
dir=${1:-$(dirname "${BASH_SOURCE[0]}")/trial}
command -v openssl >/dev/null 2>&1 || {
    echo "error: openssl, which makes the keys, is missing" >&2
    exit 1
}
mkdir -p "$dir"
cd "$dir"

if [ ! -e ca.pem ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=Nearcall trial CA" \
        -keyout ca.key -out ca.pem 2>/dev/null
fi
if [ ! -e server.pem ]; then
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=nats" \
        -keyout server.key -out server.csr 2>/dev/null
    # A server is a client of the others in its cluster.
    printf '%s\n' "subjectAltName=DNS:localhost,DNS:nats-east,DNS:nats-west,IP:127.0.0.1" \
        "extendedKeyUsage=serverAuth,clientAuth" >server.ext
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile server.ext \
        -out server.pem 2>/dev/null
    rm server.csr server.ext
fi
if [ ! -e auth.key ]; then
    openssl genpkey -algorithm ed25519 -out auth.key
fi
chmod 644 ca.pem server.pem server.key auth.key
chmod 600 ca.key
echo "made in $(pwd -P): ca.pem, server.pem and server.key for NATS, auth.key for tokens"
