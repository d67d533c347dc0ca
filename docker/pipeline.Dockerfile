# The pipeline image: Airflow, the stages, the DAGs and the contracts, for executors that run on several hosts.
# Build it with `make images`; docs/images.md says how it is run.
ARG BASE_IMAGE=docker.io/library/python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS runtime
# git and ssh: data versions and releases are commits. Debian's security updates come with the base image.
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install -y --no-install-recommends git openssh-client && \
    rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* && \
    groupadd --gid 10001 mlops && \
    useradd --no-log-init --uid 10001 --gid 10001 --home-dir /var/lib/mlops --no-create-home mlops

FROM runtime AS build
# Where packages come from, for hosts that do not ask the public index. Only this stage knows them.
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ARG PIP_CERT
ARG SSL_CERT_FILE
WORKDIR /build
COPY requirements/uv.txt requirements/sbom.txt requirements/cluster.txt pyproject.toml docker/inventory.py ./
RUN --mount=type=secret,id=certificates \
    python3 -m venv tools && \
    tools/bin/python -m pip install --no-cache-dir --disable-pip-version-check --quiet --require-hashes -r uv.txt
ENV UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy PYC_INVALIDATION_MODE=UNCHECKED_HASH
RUN --mount=type=secret,id=certificates \
    tools/bin/uv venv --quiet --python "$(command -v python3)" /opt/venv && \
    tools/bin/uv pip install --quiet --python /opt/venv --compile-bytecode --require-hashes -r cluster.txt
RUN --mount=type=secret,id=certificates \
    tools/bin/uv pip install --quiet --python tools --require-hashes -r sbom.txt && \
    tools/bin/python inventory.py /opt/venv /opt/sbom.cdx.json
COPY LICENSE pyproject.toml /app/
COPY cli /app/cli
COPY contracts /app/contracts
COPY dags /app/dags
COPY data /app/data
COPY ingestion /app/ingestion
COPY monitoring /app/monitoring
COPY pipeline /app/pipeline
COPY requirements /app/requirements
COPY serving /app/serving
COPY training /app/training
RUN /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /app && \
    printf '#!/opt/venv/bin/python\nfrom cli.main import main\n\nmain()\n' > /opt/venv/bin/mlops && \
    chmod a+x /opt/venv/bin/mlops && \
    chmod -R a+rX,go-w /app /opt && \
    mkdir -p /state/airflow
# Last, since it changes with each commit: models that are trained here name it.
ARG REVISION=unknown
RUN printf '%s\n' "${REVISION}" >/app/COMMIT

FROM runtime
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="mlops-pipeline pipeline" \
      org.opencontainers.image.description="Airflow with the stages, DAGs and contracts" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /opt /opt
COPY --from=build /app /app
COPY --from=build --chown=10001:10001 /state /var/lib/mlops
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    ORT_DISABLE_TELEMETRY=1 \
    PYTHONPATH=/app \
    AIRFLOW_HOME=/var/lib/mlops/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/app/dags \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__CORE__PLUGINS_FOLDER=/app/dags/plugins \
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False \
    DO_NOT_TRACK=1 \
    MLOPS_PROJECT_DIR=/app \
    MLOPS_STATE_DIR=/var/lib/mlops
# Airflow's home (its configuration, its logs) and what the stages write; beside it only /tmp is written.
VOLUME /var/lib/mlops
WORKDIR /app
USER 10001:10001
CMD ["airflow", "version"]
