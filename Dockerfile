# BioXen in a container. Two targets:
#   docker build --target server -t bioxen-server .   the services with COBRApy, HiGHS and libRoadRunner
#   docker build --target thin   -t bioxen .          cells, client and command line; no engine
# The services bind 0.0.0.0 and therefore refuse to start without a token: give BIOXEN_TOKEN.

ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS source
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/bioxen
ENV PATH=/opt/bioxen/bin:$PATH

FROM source AS thin-install
RUN pip install --no-cache-dir -c constraints.txt .

FROM source AS server-install
RUN pip install --no-cache-dir -c constraints.txt ".[server]"

FROM python:${PYTHON}-slim AS base
RUN useradd --create-home --uid 10001 bioxen && install -d -o bioxen -g bioxen /home/bioxen/data
ENV PATH=/opt/bioxen/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    BIOXEN_HOME=/home/bioxen/data
WORKDIR /home/bioxen
USER bioxen

FROM base AS thin
COPY --from=thin-install /opt/bioxen /opt/bioxen
CMD ["bioxen", "--help"]

FROM base AS server
COPY --from=server-install /opt/bioxen /opt/bioxen
# The kernel's machine code, so that the first start does not compile it. Another CPU compiles anew.
RUN python -c "from bioxen.server.engines.metabolic import MetabolicEngine as e; e.warm_up()"
ENV BIOXEN_HEALTH_PORT=5000
EXPOSE 5000 5001 5002
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"BIOXEN_HEALTH_PORT\"]}/health', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["bioxen", "up", "--host", "0.0.0.0"]
