package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import java.util.Optional;

/** {@link Op.Nft}. Rules carry their owner, so nothing needs remembering; a transaction cannot be half done. */
record NftHandler(Op.Nft op) implements OpHandler {

    @Override
    public JsonObject before(OpContext context) {
        return new JsonObject();
    }

    @Override
    public Optional<String> difference(OpContext context) {
        return context.find(op.ns())
                .map(namespace -> context.nft().difference(context.owner(), op.rules(), namespace.nftables()))
                .orElse(Optional.of("there is no such namespace"));
    }

    @Override
    public void perform(OpContext context, JsonObject before) {
        OpenNamespace namespace = context.namespace(op.ns());
        namespace.inside(() -> {
            context.nft().install(context.owner(), op.rules(), namespace.nftables());
            return true;
        });
    }

    @Override
    public void undo(OpContext context, JsonObject before) {
        context.find(op.ns())
                .ifPresent(namespace -> namespace.inside(() -> {
                    context.nft().remove(context.owner(), op.rules(), namespace.nftables());
                    return true;
                }));
    }
}
