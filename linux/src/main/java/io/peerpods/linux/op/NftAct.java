package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import java.util.Optional;

/** {@link Op.Nft}. Rules carry their owner, so nothing needs remembering; a transaction cannot be half done. */
record NftAct(Op.Nft op) implements Act {

    @Override
    public JsonObject before(Scene scene) {
        return new JsonObject();
    }

    @Override
    public Optional<String> difference(Scene scene) {
        return scene.find(op.ns())
                .map(space -> scene.nft().difference(scene.owner(), op.rules(), space.nftables()))
                .orElse(Optional.of("there is no such namespace"));
    }

    @Override
    public void perform(Scene scene, JsonObject before) {
        Space space = scene.space(op.ns());
        space.inside(() -> {
            scene.nft().install(scene.owner(), op.rules(), space.nftables());
            return true;
        });
    }

    @Override
    public void undo(Scene scene, JsonObject before) {
        scene.find(op.ns())
                .ifPresent(space -> space.inside(() -> {
                    scene.nft().remove(scene.owner(), op.rules(), space.nftables());
                    return true;
                }));
    }
}
