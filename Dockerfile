# One image for every process of the services; the command says which. It carries no Java, no broker and no tests' tools.
FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY requirements-services.lock ./
RUN pip install --require-hashes --no-deps -r requirements-services.lock
COPY codegen codegen
COPY services services
COPY stack stack
COPY schemas schemas
RUN useradd --system --no-create-home shop
USER shop
ENV HTTP_HOST=0.0.0.0 HTTP_PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"HTTP_PORT\"]}/healthz', timeout=2)"]
CMD ["python", "-m", "services.orders.main", "api"]
