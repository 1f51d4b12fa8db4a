#!/usr/bin/env bash
# Starts Triton with CLARA's model, out of the environment that `make setup SET=triton VENV=.venv-triton` makes.
# gRPC on 127.0.0.1:8001, metrics on 8002; further options go to tritonserver: k8s/triton/serve.sh --grpc-port=9001
set -euo pipefail

readonly HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly VENV=${VENV:-$HERE/../../.venv-triton}
if [[ ! -x $VENV/bin/python ]]; then
  echo "$VENV is no environment of Triton's: run make setup SET=triton VENV=.venv-triton" >&2
  exit 1
fi

# Python's own folder of packages, that of its shared library, and its version, a line each.
mapfile -t python < <("$VENV/bin/python" -c 'import sysconfig as s
print(s.get_path("platlib"), s.get_config_var("LIBDIR"), s.get_python_version(), sep="\n")')
readonly PACKAGES=${python[0]} LIBRARIES=${python[1]} VERSION=${python[2]}
readonly SERVER=$PACKAGES/pytriton/tritonserver

# The backend looks for the stub beside itself; the wheel has one for each version of Python.
ln -sf "../../python_backend_stubs/$VERSION/triton_python_backend_stub" "$SERVER/backends/python/" 2>/dev/null ||
  [[ -x $SERVER/backends/python/triton_python_backend_stub ]]

# The stub takes its packages from the python that is first on PATH.
export PATH=$VENV/bin:$PATH
export LD_LIBRARY_PATH=$LIBRARIES:$PACKAGES/nvidia_pytriton.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PYTHONPATH=${PYTHONPATH:-$HERE/../..}

exec "$SERVER/bin/tritonserver" --model-repository="$HERE/models" --backend-directory="$SERVER/backends" \
  --allow-http=false --grpc-address=127.0.0.1 --metrics-address=127.0.0.1 --disable-auto-complete-config "$@"
