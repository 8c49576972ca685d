package io.peerpods.linux.op;

import java.util.List;
import java.util.regex.Pattern;

/**
 * Network changes in the order in which they are made. At the end all of them hold together: none undoes what an earlier one did.
 *
 * @param owner whose they are, such as {@code peerpods:<sandbox id>}: the alias of links, the comment of nft rules, the mark of
 *     redirects. Undo touches what carries it and nothing else of these.
 */
public record Plan(String owner, List<Op> ops) {

    // nft comments hold 127 bytes, of which a rule's own mark takes 10.
    private static final Pattern OWNER = Pattern.compile("[A-Za-z0-9:._@/-]{1,110}");

    public Plan {
        if (!OWNER.matcher(owner).matches()) {
            throw new IllegalArgumentException(
                    "a plan's owner is 1 to 110 letters, digits and :._@/- characters, not '" + owner + "'");
        }
        ops = List.copyOf(ops);
    }
}
