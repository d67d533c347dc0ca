# SeaweedFS in one process: master, volume server, filer and S3 gateway, which knows one identity.
set -eu
umask 077
cat > /tmp/s3.json <<JSON
{"identities": [{"name": "mlops",
                 "credentials": [{"accessKey": "$AWS_ACCESS_KEY_ID", "secretKey": "$AWS_SECRET_ACCESS_KEY"}],
                 "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
JSON
# Each bucket takes seven volumes at once, and so does what is in none: the default of eight leaves the second bucket without.
exec weed server -dir=/s3 -volume.max=100 -master.volumeSizeLimitMB=1024 -ip=s3 -ip.bind=0.0.0.0 -filer -s3 -s3.config=/tmp/s3.json
