# The base is pinned by its Debian and Python release; pin it by digest where you mirror images.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/exporter \
    && /opt/exporter/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY exporter ./exporter
RUN /opt/exporter/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="aerospike-memory-exporter" \
      org.opencontainers.image.description="Prometheus exporter for the memory of an Aerospike node" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/exporter /opt/exporter
USER 65534:65534
EXPOSE 9845
HEALTHCHECK --interval=30s --timeout=3s \
    CMD ["/opt/exporter/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9845/-/healthy', timeout=2)"]
ENTRYPOINT ["/opt/exporter/bin/aerospike-memory-exporter"]
