# The serving base image: the prediction service and what it imports; a model image adds one release to it.
# Build it with `make images`; docs/images.md says how it is pinned and run.
ARG BASE_IMAGE=docker.io/library/python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS build
# Where packages come from, for hosts that do not ask the public index. Only this stage knows them.
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ARG PIP_CERT
ARG SSL_CERT_FILE
WORKDIR /build
COPY requirements/uv.txt requirements/sbom.txt requirements/serving.txt pyproject.toml docker/inventory.py ./
RUN --mount=type=secret,id=certificates \
    python3 -m venv tools && \
    tools/bin/python -m pip install --no-cache-dir --disable-pip-version-check --quiet --require-hashes -r uv.txt
ENV UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
RUN --mount=type=secret,id=certificates \
    tools/bin/uv venv --quiet --python "$(command -v python3)" /opt/venv && \
    tools/bin/uv pip install --quiet --python /opt/venv --require-hashes -r serving.txt
RUN --mount=type=secret,id=certificates \
    tools/bin/uv pip install --quiet --python tools --require-hashes -r sbom.txt && \
    tools/bin/python inventory.py /opt/venv /opt/sbom.cdx.json
COPY pipeline /app/pipeline
COPY serving /app/serving
# Packages' own tests, and what ONNX Runtime brings for those who convert models, run nowhere here.
RUN find /opt/venv/lib -type d -name tests -prune -exec rm -r {} + && \
    rm -r /opt/venv/lib/python3.*/site-packages/onnxruntime/quantization \
        /opt/venv/lib/python3.*/site-packages/onnxruntime/transformers && \
    /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /app /opt/venv/lib && \
    chmod -R a+rX,go-w /app /opt && \
    mkdir -p /state

FROM ${BASE_IMAGE}
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="mlops-pipeline serving" \
      org.opencontainers.image.description="The prediction service, without a model" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /opt /opt
COPY --from=build /app /app
COPY --from=build --chown=10001:10001 /state /var/lib/mlops
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    ORT_DISABLE_TELEMETRY=1 \
    MLOPS_RELEASES_DIR=/release \
    MLOPS_STATE_DIR=/var/lib/mlops
# The prediction log: the one thing that is written. Name the volume, or it goes with the container.
VOLUME /var/lib/mlops
WORKDIR /app
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, sys, http.client as h; c = h.HTTPConnection('127.0.0.1', int(os.environ.get('MLOPS_SERVING_PORT', 8000)), timeout=2); c.request('GET', '/health/live'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["python", "-m", "serving.service"]
CMD ["--host", "0.0.0.0"]
