# Both stages need the same Python. Where you mirror images, pin this one by its digest, which nobody can move:
# docker build --build-arg BASE=python@sha256:... -t aerospike-memory-exporter:0.1.0 .
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
# All that is installed is pinned by its hash, what builds our own package as well.
COPY requirements.lock requirements-build.lock ./
RUN python -m venv --without-pip /opt/exporter \
    && pip --python /opt/exporter/bin/python install --no-cache-dir --no-compile --require-hashes -r requirements.lock \
    && pip install --no-cache-dir --require-hashes -r requirements-build.lock
COPY pyproject.toml setup.py README.md LICENSE ./
COPY exporter ./exporter
# What is compiled names no time of a file, so that a second build is the same, and stays valid whatever time files get.
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/exporter/bin/python install --no-cache-dir --no-compile --no-deps --no-index /wheels/*.whl \
    && /opt/exporter/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/exporter/lib
COPY deploy/docker/healthy.py /opt/exporter/healthy.py
# A checkout under umask 077 would be read by root alone; and of what pip and venv put in bin, two programs are used.
RUN chmod 644 /opt/exporter/healthy.py \
    && find /opt/exporter/bin -mindepth 1 ! -name 'python*' ! -name aerospike-memory-exporter -delete

FROM ${BASE}
# Where the source is and which commit it is: --build-arg SOURCE=https://... --build-arg REVISION="$(git rev-parse HEAD)"
ARG SOURCE=
ARG REVISION=
LABEL org.opencontainers.image.title="aerospike-memory-exporter" \
      org.opencontainers.image.description="Prometheus exporter for the memory of an Aerospike node" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.revision="${REVISION}"
# Nothing is installed or built from here on.
RUN python -m pip uninstall --yes --root-user-action=ignore setuptools wheel pip
COPY --from=build /opt/exporter /opt/exporter
ENV PYTHONDONTWRITEBYTECODE=1
# By number, so that Kubernetes can see that it is not root.
USER 65534:65534
EXPOSE 9845
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \
    CMD ["/opt/exporter/bin/python", "-I", "/opt/exporter/healthy.py"]
ENTRYPOINT ["/opt/exporter/bin/aerospike-memory-exporter"]
