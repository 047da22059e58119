# The image of the operator, made by a container engine. `cargo xtask dist image` makes one of the same content without.
#
#   cargo xtask dist vendor --artifact oci://REGISTRY/REPOSITORY@sha256:DIGEST --output target/data
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg COMMIT="$(git rev-parse HEAD)" .
FROM rust:1.95-alpine AS build
# For the C of one dependency.
RUN apk add --no-cache musl-dev
WORKDIR /source
COPY . .
ARG COMMIT=""
ENV FLUX_OPERATOR_COMMIT=$COMMIT
RUN cargo build --profile dist --locked --package flux-operator-controller \
 && mkdir -m 1777 /empty

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /empty /tmp
COPY --from=build /source/target/dist/flux-operator-controller /usr/local/bin/flux-operator-controller
COPY target/data /data
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
EXPOSE 8080 8081
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/flux-operator-controller"]
