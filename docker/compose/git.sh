# The repositories: one of releases, and one of data versions for each contract. Those that are there stay.
set -eu
for name in gitops $(cd /app/contracts && ls ./*.yaml | sed 's|^\./|data-|; s|\.yaml$||'); do
  repository="/repositories/$name.git"
  if [ ! -e "$repository/HEAD" ]; then
    git init --quiet --bare --initial-branch=main "$repository"
    git -C "$repository" config uploadpack.allowFilter true # a clone need not take every file
  fi
done
exec git daemon --base-path=/repositories --export-all --enable=receive-pack --reuseaddr /repositories
