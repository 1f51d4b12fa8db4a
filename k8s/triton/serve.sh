#!/usr/bin/env bash
# Starts Triton with CLARA's model, in the environment that `make setup SET=triton VENV=.venv-triton` creates.
# gRPC on 127.0.0.1:8001, metrics on 8002. Further options are passed to tritonserver: k8s/triton/serve.sh --grpc-port=9001
set -euo pipefail

readonly HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly VENV=${VENV:-$HERE/../../.venv-triton}
if [[ ! -x $VENV/bin/python ]]; then
  echo "$VENV is not a Triton environment: run make setup SET=triton VENV=.venv-triton" >&2
  exit 1
fi

# One line each: Python's package folder, the folder of its shared library, its version.
mapfile -t python < <("$VENV/bin/python" -c 'import sysconfig as s
print(s.get_path("platlib"), s.get_config_var("LIBDIR"), s.get_python_version(), sep="\n")')
readonly PACKAGES=${python[0]} LIBRARIES=${python[1]} VERSION=${python[2]}
readonly SERVER=$PACKAGES/pytriton/tritonserver

# The backend expects the stub in its own folder; the wheel has one for each Python version.
ln -sf "../../python_backend_stubs/$VERSION/triton_python_backend_stub" "$SERVER/backends/python/" 2>/dev/null ||
  [[ -x $SERVER/backends/python/triton_python_backend_stub ]]

# The stub uses the packages of the first python on PATH.
export PATH=$VENV/bin:$PATH
export LD_LIBRARY_PATH=$LIBRARIES:$PACKAGES/nvidia_pytriton.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PYTHONPATH=${PYTHONPATH:-$HERE/../..}

exec "$SERVER/bin/tritonserver" --model-repository="$HERE/models" --backend-directory="$SERVER/backends" \
  --allow-http=false --grpc-address=127.0.0.1 --metrics-address=127.0.0.1 --disable-auto-complete-config "$@"
